#include "server/app.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "grpc/health/v1/health.pb.h"
#include "server/addresses.h"
#include "server/auth/accounts.h"
#include "server/auth/admin_service.h"
#include "server/auth/gatekeeper.h"
#include "server/auth/usage_limits.h"
#include "server/datasets/dataset_service.h"
#include "server/evaluations/evaluation_service.h"
#include "server/events/event_hub.h"
#include "server/events/log_starts.h"
#include "server/events/stepper.h"
#include "server/exec/confine.h"
#include "server/exec/local_executor.h"
#include "server/http/assets.h"
#include "server/http/http_server.h"
#include "server/jobs/checkpoint_bytes.h"
#include "server/jobs/job_service.h"
#include "server/metrics/metrics.h"
#include "server/metrics/rpc_metrics.h"
#include "server/metrics/timed_store.h"
#include "server/networks/network_service.h"
#include "server/resources/clock.h"
#include "server/resources/names.h"
#include "server/resources/periodic.h"
#include "server/rpc/inference_rpc.h"
#include "server/rpc/services.h"
#include "server/rpc/watch_reactor.h"
#include "server/rpc/worker_rpc.h"
#include "server/serving/checkpoint_service.h"
#include "server/serving/inference_service.h"
#include "server/serving/serving_worker.h"
#include "server/store/layout.h"
#include "server/store/store.h"
#include "server/tls/credentials.h"
#include "server/workers/slot_queue.h"
#include "server/workers/worker_pool.h"

namespace trainyard::server {
namespace {

// Room for 10,000 rows of 784 float64 to infer.
constexpr int kPublicMessageBytes = 64 << 20;
constexpr int kWorkerMessageBytes = 64 << 20;
constexpr int kWatchThreads = 2;
// Of letters and digits: no two of a directory's starts get the same.
constexpr std::size_t kLogMarkSize = 8;
// Ingesting and evaluating processes at once, beside the jobs' slots.
constexpr int kShortTasks = 2;
constexpr std::chrono::seconds kShutdownDeadline{2};
constexpr std::chrono::hours kBetweenTrims{1};
constexpr std::chrono::minutes kBetweenUses{1};
constexpr std::chrono::seconds kBetweenReloads{2};

// Listens on `listen` and reports the port that was bound.
std::unique_ptr<grpc::Server> Listen(grpc::ServerBuilder& builder, const std::string& listen,
                                     std::shared_ptr<grpc::ServerCredentials> credentials,
                                     int max_bytes, int& port) {
  builder.AddListeningPort(listen, std::move(credentials), &port);
  builder.SetMaxReceiveMessageSize(max_bytes);
  builder.SetMaxSendMessageSize(-1);
  // A port that another server has is an error, not a share of its calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Clients may ping as often as every 10 s.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kServerThreads);
  builder.SetResourceQuota(quota);
  return builder.BuildAndStart();
}

class RunningApp final : public App {
 public:
  explicit RunningApp(const AppOptions& options)
      : options_(options), layout_(std::filesystem::absolute(options.data_dir)) {}

  ~RunningApp() override { Drain(); }

  absl::Status Open() {
    if (auto status = layout_.Create(); !status.ok()) return status;
    if (auto status = DirectoryLock::Acquire(layout_, lock_); !status.ok()) return status;
    auto store = Store::Open(layout_);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    if (!options_.http.empty()) Measure();
    if (const auto confines = CanConfine(); !confines.ok()) {
      spdlog::warn("workers may start programs and open sockets: {}",
                   std::string(confines.message()));
    }
    executor_ = std::make_unique<LocalExecutor>(options_.worker, layout_.root());
    pool_ = std::make_unique<WorkerPool>(*executor_);
    auto serving = ServingWorker::Make(layout_, *pool_);
    if (!serving.ok()) return serving.status();
    serving_ = *std::move(serving);
    if (auto status = Build(); !status.ok()) return status;
    if (auto listen = CheckAddresses(); !listen.ok()) return listen;
    // Before workers attach that have outlived an earlier server.
    auto status = jobs_->Recover();
    if (status.ok()) status = ServeWorkers();
    if (status.ok()) status = datasets_->Recover();
    if (status.ok()) status = evaluations_->Recover();
    if (status.ok()) jobs_->Open();
    if (status.ok()) status = ServePublic();
    if (status.ok()) status = ServeHttp();
    if (!status.ok()) return status;
    uses_ = std::make_unique<Periodic>(kBetweenUses, [this] {
      accounts_->EndExpired(Now().seconds());
      admin_->KeepUses();
    });
    trimming_ = std::make_unique<Periodic>(kBetweenTrims, [this] {
      constexpr std::int64_t kDay = 24 * 60 * 60;
      const std::int64_t now = Now().seconds();
      datasets_->FailAbandonedUploads(now);
      const std::int64_t kept = options_.keep_audit_days * kDay;
      if (kept > 0) admin_->TrimAudit(now - kept);
    });
    return status;
  }

  std::string address() const override { return address_; }
  std::string http_address() const override { return http_ == nullptr ? "" : http_->address(); }

  void Drain() override {
    if (drained_) return;
    drained_ = true;
    if (public_server_ != nullptr) {
      public_server_->GetHealthCheckService()->SetServingStatus(false);
    }
    if (http_ != nullptr) http_->Drain();
    if (jobs_ != nullptr) jobs_->Close();
    if (store_ != nullptr) store_->GiveUp();
    trimming_.reset();
    uses_.reset();
    reloading_.reset();
    if (watch_ != nullptr) watch_->Drain();
    if (pool_ != nullptr && !pool_->Drain()) {
      // Nothing that was acknowledged is in danger, and the next server looks for it.
      spdlog::critical(
          "a worker cannot be ended, not by SIGKILL either: the server ends without it");
      ::_exit(1);
    }
    const auto deadline = std::chrono::system_clock::now() + kShutdownDeadline;
    if (public_server_ != nullptr) public_server_->Shutdown(deadline);
    if (worker_server_ != nullptr) worker_server_->Shutdown(deadline);
    if (http_ != nullptr) http_->Stop();
  }

 private:
  absl::Status Build() {
    auto accounts = Accounts::Open(*store_);
    if (!accounts.ok()) return accounts.status();
    accounts_ = *std::move(accounts);
    auto fingerprint = Fingerprint();
    if (!fingerprint.ok()) return fingerprint.status();
    gatekeeper_ = std::make_unique<Gatekeeper>(*accounts_);
    admin_ = std::make_unique<AdminService>(*store_, *accounts_, gatekeeper_->limits(),
                                            *std::move(fingerprint));
    const QuotaOf quota_of = [this](const std::string& user) { return accounts_->QuotaOf(user); };
    short_tasks_ = std::make_unique<SlotQueue>(kShortTasks);
    auto starts = LogStarts::Note(*store_, NewUid().substr(0, kLogMarkSize));
    if (!starts.ok()) return starts.status();
    hub_ = std::make_unique<EventHub>(*store_, *std::move(starts));
    stepper_ = std::make_unique<Stepper>(kWatchThreads);
    watch_ = std::make_unique<WatchContext>(*stepper_);
    if (metrics_ != nullptr) {
      hub_->on_published = std::bind_front(&Metrics::Published, metrics_.get());
      watch_->on_delivered = std::bind_front(&Metrics::Delivered, metrics_.get());
    }
    networks_ = std::make_unique<NetworkService>(
        *store_, [quota_of](Reader& reader, const std::string& user, std::int64_t bytes) {
          return CheckCheckpointBytes(reader, quota_of(user), user, bytes);
        });
    datasets_ = std::make_unique<DatasetService>(layout_, *store_, *pool_, *short_tasks_, quota_of);
    jobs_ =
        std::make_unique<JobService>(layout_, *store_, *hub_, *pool_,
                                     JobOptions{options_.slots, options_.watts_per_core,
                                                options_.keep_events, quota_of, options_.quantum});
    admin_->set_cpu_seconds_of([this](const std::string& user) { return jobs_->UsageOf(user); });
    admin_->set_checkpoint_bytes_of(CheckpointBytesOfUser);
    evaluations_ = std::make_unique<EvaluationService>(layout_, *store_, *pool_, *short_tasks_,
                                                       *jobs_, *serving_);
    inferences_ = std::make_unique<InferenceService>(*store_, *serving_);
    checkpoints_ = std::make_unique<CheckpointService>(*store_, *serving_);
    worker_rpc_ = std::make_unique<WorkerRpc>(*pool_);
    network_rpc_ = std::make_unique<NetworkRpc>(*gatekeeper_, *networks_);
    dataset_rpc_ = std::make_unique<DatasetRpc>(*gatekeeper_, *datasets_);
    training_rpc_ =
        std::make_unique<TrainingRpc>(*gatekeeper_, *jobs_, *checkpoints_, *hub_, *watch_);
    evaluation_rpc_ = std::make_unique<EvaluationRpc>(*gatekeeper_, *evaluations_);
    inference_rpc_ = std::make_unique<InferenceRpc>(*gatekeeper_, *inferences_);
    admin_rpc_ = std::make_unique<AdminRpc>(
        *gatekeeper_, *admin_, *jobs_, [this] { return Describe(); },
        [] { ::kill(::getpid(), SIGTERM); });
    return absl::OkStatus();
  }

  bool Encrypts() const { return !accounts_->single_user() && !options_.insecure; }

  v1::Server Describe() const {
    v1::Server server;
    server.set_version(TRAINYARD_VERSION);
    server.set_slots(options_.slots);
    const int http_port = http_port_;
    server.set_http_port(http_port);
    server.set_http_tls(Encrypts() && http_port != 0);
    server.set_dashboard(http_port != 0 && EmbeddedAssets().count() > 0);
    server.set_http_url(options_.http_url);
    return server;
  }

  std::shared_ptr<grpc::ServerCredentials> PublicCredentials() const {
    return Encrypts() ? ReloadingCredentials(TlsFiles(layout_.Tls()))
                      : grpc::InsecureServerCredentials();
  }

  // Of the authority, for the lines that people join by.
  absl::StatusOr<std::string> Fingerprint() const {
    if (!Encrypts()) return "";
    return FingerprintOf(TlsFiles(layout_.Tls()).authority);
  }

  absl::Status ServeWorkers() {
    const std::string path = layout_.WorkerSocket().string();
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    grpc::ServerBuilder builder;
    builder.RegisterService(worker_rpc_.get());
    int port = 0;
    worker_server_ = Listen(builder, StrCat("unix:", path), grpc::InsecureServerCredentials(),
                            kWorkerMessageBytes, port);
    if (worker_server_ == nullptr) return absl::UnavailableError("cannot listen on " + path);
    ::chmod(path.c_str(), 0600);
    return absl::OkStatus();
  }

  absl::Status ServePublic() {
    grpc::ServerBuilder builder;
    builder.RegisterService(dataset_rpc_.get());
    builder.RegisterService(network_rpc_.get());
    builder.RegisterService(training_rpc_.get());
    builder.RegisterService(evaluation_rpc_.get());
    builder.RegisterService(admin_rpc_.get());
    builder.RegisterService(inference_rpc_.get());
    if (metrics_ != nullptr) {
      std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> counters;
      counters.push_back(std::make_unique<RpcMetrics>(*metrics_));
      builder.experimental().SetInterceptorCreators(std::move(counters));
    }
    int port = 0;
    public_server_ =
        Listen(builder, options_.listen, PublicCredentials(), kPublicMessageBytes, port);
    if (public_server_ == nullptr || port == 0) {
      return MakeError(absl::StatusCode::kUnavailable, {"ADDRESS_IN_USE", "--listen", {}},
                       StrCat("cannot listen on ", options_.listen,
                              ": it is taken, or not an address of this machine"));
    }
    address_ = StrCat(options_.listen.substr(0, options_.listen.rfind(':')), ":", port);
    return absl::OkStatus();
  }

  // Where they can be asked for, there are metrics.
  void Measure() {
    metrics_ = std::make_unique<Metrics>();
    store_ = std::make_unique<TimedStore>(std::move(store_),
                                          std::bind_front(&Metrics::Committed, metrics_.get()));
  }

  HttpResponse MetricsPage() {
    Metrics::Gauges gauges;
    gauges.http_connections = gateway_->connections();
    gauges.sse_streams = gateway_->event_streams();
    const auto counted = store_->Read([&](Reader& reader) -> absl::Status {
      auto counts = reader.CountByState(ResourceKind::kJob);
      if (!counts.ok()) return counts.status();
      for (int state = v1::TrainingJob::QUEUED; state <= v1::TrainingJob::State_MAX; ++state) {
        const auto name = v1::TrainingJob::State_Name(static_cast<v1::TrainingJob::State>(state));
        gauges.jobs_by_state[name] = static_cast<double>((*counts)[state]);
      }
      return absl::OkStatus();
    });
    if (!counted.ok()) return ErrorResponse(counted);
    gauges.queue_length = gauges.jobs_by_state["QUEUED"];
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_->Text(gauges);
    return response;
  }

  // Over HTTP are the same services, called in this process.
  absl::Status CheckAddresses() const {
    const bool single_user = accounts_->single_user();
    auto status = CheckListen("--listen", options_.listen, single_user);
    if (!options_.http.empty()) status.Update(CheckListen("--http", options_.http, single_user));
    for (const std::string& origin : options_.http_allow_origins) {
      status.Update(CheckOrigin("--http-allow-origin", origin));
    }
    status.Update(CheckUrl("--http-url", options_.http_url));
    return status;
  }

  // The certificate of gRPC, read again as it is.
  absl::Status EncryptHttp() {
    const TlsFiles files(layout_.Tls());
    http_tls_ = std::make_shared<TlsContext>(CertificateFiles{files.chain, files.key});
    if (auto loaded = http_tls_->Reload(); !loaded.ok()) return loaded;
    reloading_ = std::make_unique<Periodic>(kBetweenReloads, [this] {
      // Between the renaming of one file and the other they do not fit: the next time
      // they will.
      (void)http_tls_->Reload();
    });
    return absl::OkStatus();
  }

  absl::Status ServeHttp() {
    if (options_.http.empty()) return absl::OkStatus();
    if (Encrypts()) {
      if (auto encrypted = EncryptHttp(); !encrypted.ok()) return encrypted;
    }
    OriginOptions origins;
    origins.single_user = accounts_->single_user();
    origins.tls = Encrypts();
    origins.listen_host = std::string(HostOf(options_.http));
    origins.allowed = options_.http_allow_origins;
    gateway_ = std::make_unique<Gateway>(public_server_->InProcessChannel(grpc::ChannelArguments()),
                                         origins, EmbeddedAssets());
    gateway_->AddPage("/metrics", [this] { return MetricsPage(); });
    gateway_->on_answered = std::bind_front(&Metrics::HttpAnswered, metrics_.get());
    auto http = HttpServer::Start({options_.http, http_tls_, HttpLimits{}}, *gateway_);
    if (!http.ok()) return http.status();
    http_ = *std::move(http);
    http_port_ = PortOf(http_->address()).value_or(0);
    return absl::OkStatus();
  }

  const AppOptions options_;
  const Layout layout_;
  DirectoryLock lock_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<Gatekeeper> gatekeeper_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<EventHub> hub_;
  std::unique_ptr<Stepper> stepper_;
  std::unique_ptr<WatchContext> watch_;
  std::unique_ptr<LocalExecutor> executor_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<SlotQueue> short_tasks_;
  std::unique_ptr<ServingWorker> serving_;
  std::unique_ptr<NetworkService> networks_;
  std::unique_ptr<DatasetService> datasets_;
  std::unique_ptr<JobService> jobs_;
  std::unique_ptr<EvaluationService> evaluations_;
  std::unique_ptr<CheckpointService> checkpoints_;
  std::unique_ptr<InferenceService> inferences_;
  std::unique_ptr<WorkerRpc> worker_rpc_;
  std::unique_ptr<NetworkRpc> network_rpc_;
  std::unique_ptr<DatasetRpc> dataset_rpc_;
  std::unique_ptr<TrainingRpc> training_rpc_;
  std::unique_ptr<EvaluationRpc> evaluation_rpc_;
  std::unique_ptr<AdminRpc> admin_rpc_;
  std::unique_ptr<InferenceRpc> inference_rpc_;
  std::unique_ptr<grpc::Server> worker_server_;
  std::unique_ptr<grpc::Server> public_server_;
  std::shared_ptr<TlsContext> http_tls_;
  std::unique_ptr<Periodic> reloading_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Periodic> trimming_;
  std::unique_ptr<Periodic> uses_;
  std::string address_;
  // 0 until it is served.
  std::atomic<int> http_port_ = 0;
  bool drained_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<App>> App::Start(const AppOptions& options) {
  grpc::EnableDefaultHealthCheckService(true);
  // gRPC's own health service brings no descriptor; reflection takes this one.
  grpc::health::v1::HealthCheckRequest::descriptor();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto app = std::make_unique<RunningApp>(options);
  if (auto status = app->Open(); !status.ok()) return status;
  return app;
}

}  // namespace trainyard::server
