#include "client/lib/download.h"

#include <curl/curl.h>

#include <array>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

// Where libcurl's callbacks write, with the limit that they keep.
struct Sink {
  std::ofstream stream;
  std::int64_t room = 0;
  const DownloadOptions* options = nullptr;
};

std::size_t OnData(char* data, std::size_t size, std::size_t count, void* user) {
  auto* sink = static_cast<Sink*>(user);
  const auto bytes = static_cast<std::int64_t>(size * count);
  sink->room -= bytes;
  if (sink->room < 0 || !sink->stream.write(data, bytes)) return 0;  // Ends the transfer.
  return static_cast<std::size_t>(bytes);
}

int OnProgress(void* user, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  const auto* sink = static_cast<Sink*>(user);
  if (sink->options->progress) sink->options->progress(done, total);
  return 0;
}

void Configure(CURL* curl, const std::string& url, Sink* sink, char* error) {
  const DownloadOptions& options = *sink->options;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, long{options.connect_timeout.count()});
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, long{options.total_timeout.count()});
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, long{options.stall_timeout.count()});
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, curl_off_t{options.max_bytes});
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnData);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, sink);
}

}  // namespace

absl::Status Download(const std::string& url, const std::filesystem::path& file,
                      const DownloadOptions& options) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (initialised != CURLE_OK || !curl) return absl::UnavailableError("libcurl does not start");
  Sink sink{std::ofstream(file, std::ios::binary), options.max_bytes, &options};
  if (!sink.stream) return absl::UnavailableError(absl::StrCat("cannot write ", file.string()));
  std::array<char, CURL_ERROR_SIZE> error{};
  Configure(curl.get(), url, &sink, error.data());
  const CURLcode code = curl_easy_perform(curl.get());
  sink.stream.close();
  if (code == CURLE_OK && sink.stream) return absl::OkStatus();
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  if (sink.room < 0 || code == CURLE_FILESIZE_EXCEEDED) {
    return absl::UnavailableError(
        absl::StrCat(url, ": larger than the ", options.max_bytes, " bytes expected at most"));
  }
  const char* reason = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
  return absl::UnavailableError(absl::StrCat(url, ": ", reason));
}

}  // namespace trainyard::client
