// Workers of the application: tables of functions behind the in-process engine.
#include <memory>

#include "guard.hpp"
#include "handles.hpp"
#include "reply.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/worker/worker.hpp"

using virtufin::Clock;
using virtufin::CloudEvent;
using virtufin::Result;
using virtufin::Status;
using virtufin::Worker;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::UserData;
using virtufin::c::View;

namespace {

/// One load of a table.
class FunctionWorker final : public Worker {
 public:
  FunctionWorker(const virtufin_worker_functions_t& functions, std::shared_ptr<UserData> user_data,
                 Clock& clock)
      : functions_(functions), user_data_(std::move(user_data)), clock_(clock) {}
  ~FunctionWorker() override {
    if (created_ && functions_.shutdown != nullptr) functions_.shutdown(state_);
  }

  /// False: there is no state; the worker must not be used.
  bool Create() {
    state_ = user_data_->get();
    if (functions_.create != nullptr) {
      state_ = functions_.create(state_);
      if (state_ == nullptr) return false;
    }
    return created_ = true;
  }

  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    const virtufin_event input(event);
    virtufin_reply reply{&clock_};
    functions_.process(state_, &input, &reply);
    if (!reply.failure.ok()) return reply.failure;
    return std::move(reply.event);
  }

 private:
  const virtufin_worker_functions_t functions_;
  const std::shared_ptr<UserData> user_data_;
  Clock& clock_;
  void* state_ = nullptr;
  bool created_ = false;
};

virtufin::WorkerFactory MakeFactory(const virtufin_worker_functions_t& functions,
                                    std::shared_ptr<UserData> user_data, Clock& clock) {
  return [functions, user_data = std::move(user_data), &clock]() -> std::unique_ptr<Worker> {
    auto worker = std::make_unique<FunctionWorker>(functions, user_data, clock);
    if (!worker->Create()) return nullptr;
    return worker;
  };
}

}  // namespace

virtufin_status_t virtufin_worker_register(virtufin_platform_t* platform, virtufin_str_t name,
                                           const virtufin_worker_functions_t* functions,
                                           void* user_data, virtufin_finalizer_t finalizer,
                                           virtufin_error_t** error) {
  return Guard(error, [&] {
    auto owned = UserData::Own(user_data, finalizer);
    virtufin_worker_functions_t known{};
    Status status = Require({{"platform", platform}, {"functions", functions}});
    if (status.ok()) status = virtufin::c::ReadStruct(functions, known);
    if (status.ok()) status = Require({{"process", known.process}});
    if (!status.ok()) return status;
    return virtufin::RegisterWorkerFactory(
        platform->platform->engines(), View(name),
        MakeFactory(known, std::move(owned), platform->platform->clock()));
  });
}
