// Evaluations and predictions as people read them.
#pragma once

#include "client/cli/context.h"

namespace trainyard::client {

// Accuracy, scorecards, metrics of each class and the confusion matrix, or the
// metrics of a regression; or as JSON.
void PrintEvaluation(Context& context, const v1::Evaluation& evaluation);
void PrintEvaluations(Context& context, const v1::ListEvaluationsResponse& evaluations);
void PrintMisclassified(Context& context, const v1::ListMisclassifiedResponse& rows);
void PrintPredictions(Context& context, const v1::PredictRequest& request,
                      const v1::PredictResponse& response);

}  // namespace trainyard::client
