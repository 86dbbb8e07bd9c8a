// The commands. Each function adds one subcommand with its options, and has it
// set context.run. This header is the whole
// of what the app needs to know of any of them.
#pragma once

#include <CLI/CLI.hpp>

#include "client/cli/context.h"

namespace trainyard::client {

void AddDatasetCreate(CLI::App& group, Context& context);
void AddDatasetGenerate(CLI::App& group, Context& context);
void AddDatasetImport(CLI::App& group, Context& context);
void AddDatasetList(CLI::App& group, Context& context);
void AddDatasetShow(CLI::App& group, Context& context);
void AddDatasetPreview(CLI::App& group, Context& context);
void AddDatasetDelete(CLI::App& group, Context& context);

void AddNetworkCreate(CLI::App& group, Context& context);
void AddNetworkList(CLI::App& group, Context& context);
void AddNetworkShow(CLI::App& group, Context& context);
void AddNetworkDelete(CLI::App& group, Context& context);

void AddTrain(CLI::App& app, Context& context);

void AddJobList(CLI::App& group, Context& context);
void AddJobShow(CLI::App& group, Context& context);
void AddJobWatch(CLI::App& group, Context& context);
void AddJobLogs(CLI::App& group, Context& context);
void AddJobCompare(CLI::App& group, Context& context);
void AddJobWait(CLI::App& group, Context& context);
void AddJobPause(CLI::App& group, Context& context);
void AddJobResume(CLI::App& group, Context& context);
void AddJobCancel(CLI::App& group, Context& context);
void AddJobFork(CLI::App& group, Context& context);
void AddJobExport(CLI::App& group, Context& context);
void AddJobVerify(CLI::App& group, Context& context);
void AddJobDelete(CLI::App& group, Context& context);

void AddEvaluate(CLI::App& app, Context& context);
void AddEvaluationList(CLI::App& group, Context& context);
void AddEvaluationShow(CLI::App& group, Context& context);
void AddEvaluationMisclassified(CLI::App& group, Context& context);

void AddQueue(CLI::App& app, Context& context);
void AddOpen(CLI::App& app, Context& context);
void AddPredict(CLI::App& app, Context& context);
void AddCompletion(CLI::App& app, Context& context);

void AddJoin(CLI::App& app, Context& context);
// login, logout and whoami.
void AddLogin(CLI::App& app, Context& context);
// Everything of `token`.
void AddToken(CLI::App& group, Context& context);
void AddClassInvite(CLI::App& group, Context& context);
void AddClassMembers(CLI::App& group, Context& context);
void AddDatasetShare(CLI::App& group, Context& context);
void AddNetworkShare(CLI::App& group, Context& context);

}  // namespace trainyard::client
