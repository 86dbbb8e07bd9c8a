#include "core/export/export.h"

#include "core/export/npz.h"
#include "core/export/onnx.h"
#include "core/export/safetensors.h"
#include "core/export/tensors.h"
#include "core/export/weights_csv.h"

namespace trainyard {

template <typename T>
absl::Status Export(ExportFormat format, const ExportSource& source,
                    const Parameters<T>& parameters, const ByteSink& sink) {
  switch (format) {
    case ExportFormat::kSafetensors:
      return WriteSafetensors(ExportTensors(source, parameters), FactsOf(source), sink);
    case ExportFormat::kOnnx:
      return WriteOnnx(source, parameters, sink);
    case ExportFormat::kNpz:
      return WriteNpz(ExportTensors(source, parameters), source.network, sink);
    case ExportFormat::kCsv:
      return WriteWeightsCsv(ExportTensors(source, parameters), sink);
  }
  return absl::InvalidArgumentError("not a format");
}

template absl::Status Export(ExportFormat, const ExportSource&, const Parameters<float>&,
                             const ByteSink&);
template absl::Status Export(ExportFormat, const ExportSource&, const Parameters<double>&,
                             const ByteSink&);

}  // namespace trainyard
