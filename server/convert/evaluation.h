// Evaluations: core's results to public messages.
#pragma once

#include "core/eval/evaluation.h"
#include "trainyard/v1/evaluation.pb.h"

namespace trainyard::server {

// Writes the measured fields.
void Describe(const EvaluationResult& result, v1::Evaluation* message);

v1::MisclassifiedRow ToProto(const MisclassifiedRow& row);

}  // namespace trainyard::server
