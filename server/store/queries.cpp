// Reader and Transaction: every SQL statement of the server but the schema.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/store/sqlite.h"
#include "server/store/store.h"

namespace trainyard::server {
namespace {

constexpr std::string_view kGet =
    "SELECT id, kind, name, uid, parent, state, digest, body FROM resources "
    "WHERE name = ?1 AND kind = ?2";
constexpr std::string_view kList =
    "SELECT id, kind, name, uid, parent, state, digest, body FROM resources "
    "WHERE kind = ?1 AND parent = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
constexpr std::string_view kListAll =
    "SELECT id, kind, name, uid, parent, state, digest, body FROM resources "
    "WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
constexpr std::string_view kListByState =
    "SELECT id, kind, name, uid, parent, state, digest, body FROM resources "
    "WHERE kind = ?1 AND state = ?2 ORDER BY id";

// The fact that says up to which id events have been trimmed.
constexpr std::string_view kTrimmedKey = "trimmed_event_id";

ResourceRow RowOf(const Statement& statement) {
  ResourceRow row;
  row.id = statement.Int(0);
  row.kind = static_cast<ResourceKind>(statement.Int(1));
  row.name = statement.Text(2);
  row.uid = statement.Text(3);
  row.parent = statement.Text(4);
  row.state = static_cast<int>(statement.Int(5));
  row.digest = statement.Text(6);
  row.body = statement.Text(7);
  return row;
}

absl::StatusOr<std::vector<ResourceRow>> AllRows(Statement& statement) {
  std::vector<ResourceRow> rows;
  while (true) {
    auto more = statement.Step();
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back(RowOf(statement));
  }
}

// The first column of the only row, if there is one.
absl::StatusOr<std::optional<std::string>> OneText(Statement& statement) {
  auto row = statement.Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  return statement.Text(0);
}

}  // namespace

absl::StatusOr<ResourceRow> Reader::Get(ResourceKind kind, std::string_view name) {
  auto statement = connection_.Prepare(kGet);
  if (!statement.ok()) return statement.status();
  statement->Bind(1, name).Bind(2, static_cast<std::int64_t>(kind));
  auto found = statement->Step();
  if (!found.ok()) return found.status();
  if (*found) return RowOf(*statement);
  return MakeError(absl::StatusCode::kNotFound,
                   {"NOT_FOUND", "", {{"resource", std::string(name)}}},
                   StrCat(name, " does not exist"));
}

absl::StatusOr<std::vector<ResourceRow>> Reader::List(ResourceKind kind, std::string_view parent,
                                                      std::int64_t after_id, int limit) {
  auto statement = connection_.Prepare(kList);
  if (!statement.ok()) return statement.status();
  statement->Bind(1, static_cast<std::int64_t>(kind)).Bind(2, parent).Bind(3, after_id);
  statement->Bind(4, std::int64_t{limit});
  return AllRows(*statement);
}

absl::StatusOr<std::vector<ResourceRow>> Reader::ListByState(ResourceKind kind, int state) {
  auto statement = connection_.Prepare(kListByState);
  if (!statement.ok()) return statement.status();
  statement->Bind(1, static_cast<std::int64_t>(kind)).Bind(2, std::int64_t{state});
  return AllRows(*statement);
}

absl::StatusOr<std::vector<ResourceRow>> Reader::ListAll(ResourceKind kind, std::int64_t after_id,
                                                         int limit) {
  auto statement = connection_.Prepare(kListAll);
  if (!statement.ok()) return statement.status();
  statement->Bind(1, static_cast<std::int64_t>(kind)).Bind(2, after_id);
  statement->Bind(3, std::int64_t{limit});
  return AllRows(*statement);
}

absl::StatusOr<int> Reader::CountByState(ResourceKind kind, std::string_view parent, int state) {
  auto statement = connection_.Prepare(
      "SELECT count(*) FROM resources WHERE kind = ?1 AND state = ?2 AND parent = ?3");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, static_cast<std::int64_t>(kind)).Bind(2, std::int64_t{state}).Bind(3, parent);
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  return static_cast<int>(statement->Int(0));
}

absl::StatusOr<Reader::EventSpan> Reader::SpanOf(std::string_view job_uid) {
  auto statement = connection_.Prepare(
      "SELECT count(*), min(sequence), max(sequence) FROM events WHERE job_uid = ?1");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, job_uid);
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  return EventSpan{statement->Int(0), statement->Int(1), statement->Int(2)};
}

absl::StatusOr<std::map<int, std::int64_t>> Reader::CountByState(ResourceKind kind) {
  auto statement =
      connection_.Prepare("SELECT state, count(*) FROM resources WHERE kind = ?1 GROUP BY state");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, static_cast<std::int64_t>(kind));
  std::map<int, std::int64_t> counts;
  while (true) {
    auto row = statement->Step();
    if (!row.ok()) return row.status();
    if (!*row) return counts;
    counts[static_cast<int>(statement->Int(0))] = statement->Int(1);
  }
}

absl::StatusOr<int> Reader::CountByDigest(std::string_view digest) {
  auto statement =
      connection_.Prepare("SELECT count(*) FROM resources WHERE digest = ?1 AND digest <> ''");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, digest);
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  return static_cast<int>(statement->Int(0));
}

absl::StatusOr<std::vector<EventRow>> Reader::Events(std::string_view job_uid,
                                                     std::int64_t after_sequence, int limit) {
  auto statement = connection_.Prepare(
      "SELECT sequence, body, id FROM events WHERE job_uid = ?1 AND sequence > ?2 "
      "ORDER BY sequence LIMIT ?3");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, job_uid).Bind(2, after_sequence).Bind(3, std::int64_t{limit});
  std::vector<EventRow> rows;
  while (true) {
    auto more = statement->Step();
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back({statement->Int(0), statement->Text(1), statement->Int(2)});
  }
}

absl::StatusOr<std::vector<LoggedEvent>> Reader::EventsOfUser(std::string_view parent,
                                                              std::int64_t after_id,
                                                              std::int64_t up_to_id, int limit) {
  // A cross join keeps SQLite to this order of tables, and so to order of id.
  auto statement = connection_.Prepare(
      "SELECT r.name, r.uid, e.sequence, e.body, e.id FROM events e CROSS JOIN resources r "
      "ON r.uid = e.job_uid WHERE e.id > ?1 AND e.id <= ?2 AND (?3 = '' OR r.parent = ?3) "
      "ORDER BY e.id LIMIT ?4");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, after_id).Bind(2, up_to_id).Bind(3, parent).Bind(4, std::int64_t{limit});
  std::vector<LoggedEvent> rows;
  while (true) {
    auto more = statement->Step();
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back({statement->Text(0),
                    statement->Text(1),
                    {statement->Int(2), statement->Text(3), statement->Int(4)}});
  }
}

absl::StatusOr<std::int64_t> Reader::LastEventId() {
  // Not max(id): a job that is deleted takes its events with it.
  auto statement = connection_.Prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'");
  if (!statement.ok()) return statement.status();
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Int(0) : 0;
}

absl::StatusOr<std::optional<EventRow>> Reader::EpochEvent(std::string_view job_uid, int epoch) {
  auto statement = connection_.Prepare(
      "SELECT sequence, body, id FROM events WHERE job_uid = ?1 AND epoch = ?2");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, job_uid).Bind(2, std::int64_t{epoch});
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  return EventRow{statement->Int(0), statement->Text(1), statement->Int(2)};
}

absl::StatusOr<std::optional<AnsweredRequest>> Reader::Answered(std::string_view caller,
                                                                std::string_view method,
                                                                std::string_view request_id) {
  auto statement = connection_.Prepare(
      "SELECT fingerprint, response FROM requests "
      "WHERE caller = ?1 AND method = ?2 AND request_id = ?3");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, caller).Bind(2, method).Bind(3, request_id);
  auto row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  return AnsweredRequest{statement->Text(0), statement->Text(1)};
}

absl::StatusOr<std::string> Reader::Attachment(std::string_view uid) {
  auto statement = connection_.Prepare("SELECT body FROM attachments WHERE uid = ?1");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, uid);
  auto text = OneText(*statement);
  if (!text.ok()) return text.status();
  return text->value_or("");
}

absl::StatusOr<std::string> Reader::Fact(std::string_view key) {
  auto statement = connection_.Prepare("SELECT value FROM facts WHERE key = ?1");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, key);
  auto text = OneText(*statement);
  if (!text.ok()) return text.status();
  return text->value_or("");
}

absl::StatusOr<std::int64_t> Reader::LastTrimmedEventId() {
  auto text = Fact(kTrimmedKey);
  if (!text.ok()) return text.status();
  std::int64_t id = 0;
  if (!text->empty() && !absl::SimpleAtoi(*text, &id)) {
    return MakeError(absl::StatusCode::kDataLoss, {"DATABASE_DAMAGED", "", {}},
                     "the database does not say which events have been trimmed");
  }
  return id;
}

absl::Status Transaction::Insert(ResourceRow& row) {
  {
    auto taken = connection_.Prepare("SELECT 1 FROM resources WHERE name = ?1");
    if (!taken.ok()) return taken.status();
    taken->Bind(1, row.name);
    auto found = taken->Step();
    if (!found.ok()) return found.status();
    if (*found) {
      return MakeError(absl::StatusCode::kAlreadyExists,
                       {"ALREADY_EXISTS", "", {{"resource", row.name}}},
                       StrCat(row.name, " already exists; delete it or choose another id"));
    }
  }
  auto statement = connection_.Prepare(
      "INSERT INTO resources(kind, name, uid, parent, state, digest, body) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, static_cast<std::int64_t>(row.kind)).Bind(2, row.name).Bind(3, row.uid);
  statement->Bind(4, row.parent).Bind(5, std::int64_t{row.state}).Bind(6, row.digest);
  statement->BindBlob(7, row.body);
  auto status = statement->Run();
  if (status.ok()) row.id = connection_.last_insert_id();
  return status;
}

absl::Status Transaction::Update(const ResourceRow& row) {
  auto statement =
      connection_.Prepare("UPDATE resources SET state = ?2, digest = ?3, body = ?4 WHERE uid = ?1");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, row.uid).Bind(2, std::int64_t{row.state}).Bind(3, row.digest);
  statement->BindBlob(4, row.body);
  return statement->Run();
}

absl::Status Transaction::Delete(std::string_view uid) {
  for (const std::string_view sql : {std::string_view("DELETE FROM attachments WHERE uid = ?1"),
                                     std::string_view("DELETE FROM resources WHERE uid = ?1")}) {
    auto statement = connection_.Prepare(sql);
    if (!statement.ok()) return statement.status();
    statement->Bind(1, uid);
    if (auto status = statement->Run(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Transaction::DeleteChildren(std::string_view parent) {
  for (const std::string_view sql :
       {std::string_view("DELETE FROM attachments WHERE uid IN "
                         "(SELECT uid FROM resources WHERE parent = ?1)"),
        std::string_view("DELETE FROM resources WHERE parent = ?1")}) {
    auto statement = connection_.Prepare(sql);
    if (!statement.ok()) return statement.status();
    statement->Bind(1, parent);
    if (auto status = statement->Run(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Transaction::AppendEvent(std::string_view job_uid, int epoch, EventRow& row) {
  auto statement = connection_.Prepare(
      "INSERT INTO events(job_uid, sequence, epoch, body) VALUES(?1, ?2, ?3, ?4)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, job_uid).Bind(2, row.sequence).BindBlob(4, row.body);
  if (epoch > 0) {
    statement->Bind(3, std::int64_t{epoch});
  } else {
    statement->BindNull(3);
  }
  auto status = statement->Run();
  if (status.ok()) row.id = connection_.last_insert_id();
  return status;
}

absl::Status Transaction::DeleteEvents(std::string_view job_uid) {
  auto statement = connection_.Prepare("DELETE FROM events WHERE job_uid = ?1");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, job_uid);
  return statement->Run();
}

absl::Status Transaction::TrimEvents(std::string_view job_uid, std::int64_t up_to_sequence) {
  auto newest =
      connection_.Prepare("SELECT max(id) FROM events WHERE job_uid = ?1 AND sequence <= ?2");
  if (!newest.ok()) return newest.status();
  newest->Bind(1, job_uid).Bind(2, up_to_sequence);
  auto row = newest->Step();
  if (!row.ok()) return row.status();
  auto trimmed = LastTrimmedEventId();
  if (!trimmed.ok()) return trimmed.status();
  auto status = PutFact(kTrimmedKey, StrCat(std::max(*trimmed, newest->Int(0))));
  if (!status.ok()) return status;
  auto statement = connection_.Prepare("DELETE FROM events WHERE job_uid = ?1 AND sequence <= ?2");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, job_uid).Bind(2, up_to_sequence);
  return statement->Run();
}

absl::Status Transaction::PutAnswered(std::string_view caller, std::string_view method,
                                      std::string_view request_id, const AnsweredRequest& answer) {
  // Whoever still asks after a day has asked about something else.
  auto old =
      connection_.Prepare("DELETE FROM requests WHERE time < strftime('%s', 'now') - 24 * 60 * 60");
  if (!old.ok()) return old.status();
  if (auto status = old->Run(); !status.ok()) return status;
  auto statement = connection_.Prepare(
      "INSERT INTO requests(caller, method, request_id, fingerprint, response, time) "
      "VALUES(?1, ?2, ?3, ?4, ?5, strftime('%s', 'now'))");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, caller).Bind(2, method).Bind(3, request_id).Bind(4, answer.fingerprint);
  statement->BindBlob(5, answer.response);
  return statement->Run();
}

absl::StatusOr<std::vector<AuditRow>> Reader::Audit(std::string_view user, std::int64_t before_id,
                                                    int limit) {
  auto statement = connection_.Prepare(
      user.empty() ? "SELECT id, time, user, token, method, resource FROM audit "
                     "WHERE ?1 = '' AND id < ?2 ORDER BY id DESC LIMIT ?3"
                   : "SELECT id, time, user, token, method, resource FROM audit "
                     "WHERE user = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, user).Bind(2, before_id).Bind(3, std::int64_t{limit});
  std::vector<AuditRow> rows;
  while (true) {
    auto more = statement->Step();
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back({statement->Int(0), statement->Int(1), std::string(statement->Text(2)),
                    std::string(statement->Text(3)), std::string(statement->Text(4)),
                    std::string(statement->Text(5))});
  }
}

absl::Status Transaction::AppendAudit(AuditRow& row) {
  auto statement = connection_.Prepare(
      "INSERT INTO audit(time, user, token, method, resource) VALUES(?1, ?2, ?3, ?4, ?5)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, row.time).Bind(2, row.user).Bind(3, row.token).Bind(4, row.method);
  statement->Bind(5, row.resource);
  auto status = statement->Run();
  if (status.ok()) row.id = connection_.last_insert_id();
  return status;
}

absl::Status Transaction::TrimAudit(std::int64_t time) {
  auto statement = connection_.Prepare(
      "DELETE FROM audit WHERE id IN (SELECT id FROM "
      "(SELECT id, time FROM audit ORDER BY id LIMIT 10000) WHERE time < ?1)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, time);
  return statement->Run();
}

absl::Status Transaction::PutAttachment(std::string_view uid, std::string_view body) {
  auto statement =
      connection_.Prepare("INSERT OR REPLACE INTO attachments(uid, body) VALUES(?1, ?2)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, uid).BindBlob(2, body);
  return statement->Run();
}

absl::Status Transaction::PutFact(std::string_view key, std::string_view value) {
  auto statement = connection_.Prepare("INSERT OR REPLACE INTO facts(key, value) VALUES(?1, ?2)");
  if (!statement.ok()) return statement.status();
  statement->Bind(1, key).BindBlob(2, value);
  return statement->Run();
}

}  // namespace trainyard::server
