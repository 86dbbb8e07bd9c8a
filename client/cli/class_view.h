// Users, invitations, tokens and what they may use, as text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "client/cli/context.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::client {

// STUDENT as student, and back; ROLE_UNSPECIFIED for a word that is none.
std::string RoleWord(v1::Role role);
v1::Role ParseRole(absl::string_view word);

// The line by which a class is joined.
std::string JoinLine(const std::string& address, const v1::Invitation& invitation);

void PrintUser(Context& context, const v1::User& user);
void PrintUsers(Context& context, const v1::ListUsersResponse& users);
void PrintInvitations(Context& context, const v1::ListInvitationsResponse& invitations);
void PrintTokens(Context& context, const v1::ListTokensResponse& tokens);
void PrintSettings(Context& context, const v1::ClassSettings& settings);
void PrintAudit(Context& context, const v1::ListAuditEntriesResponse& entries);

}  // namespace trainyard::client
