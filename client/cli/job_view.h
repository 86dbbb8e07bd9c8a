// Jobs as people read them.
#pragma once

#include <string>

#include "client/cli/context.h"
#include "client/cli/term/table.h"

namespace trainyard::client {

grpc::Status GetJob(Context& context, const std::string& name_or_id, v1::TrainingJob* job);

bool HasEnded(v1::TrainingJob::State state);

void PrintJob(Context& context, const v1::TrainingJob& job);
// A table, or JSON on one line.
std::string RenderJobs(const Context& context, const v1::ListTrainingJobsResponse& jobs,
                       bool full_names = false);
// What the job is told to do: network, data, and every hyperparameter that counts.
Properties SettingsOf(const v1::TrainingJob& job);
// Parameters, memory and time that a job would take.
void PrintDryRun(Context& context, const v1::TrainingJob& job);
// One line, with how to follow the job unless it is watched now.
void PrintNewJob(Context& context, const v1::TrainingJob& job, bool watched);

// "mnist-train -> 784-500-10  learning rate 0.3  batch 1"
std::string DescribeRun(const v1::TrainingJob& job);

// "0.7675 Wh (measured), a 28 W bulb for 1 m 39 s"; empty where nothing is known.
std::string EnergyOf(const v1::TrainingJob& job);

// The state in its colour.
std::string PaintedState(const Look& look, v1::TrainingJob::State state);

}  // namespace trainyard::client
