// One function per method: message in, WorkManager, message out.
#include "rpc/work_manager_service.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "rpc/handler_gate.hpp"
#include "rpc/messages.hpp"

namespace virtufin::inline v0::detail {
namespace {

// Answers with the message, or says why there is none.
template <class Response>
void Answer(Responder& responder, const Result<Response>& response) {
  if (response.ok()) return responder.Answer({}, response->SerializeAsString());
  responder.Answer(response.status());
}

// For the completion-based forms: the response has nothing in it.
WorkManager::Done AnswerWhenDone(Responder responder) {
  auto kept = std::make_shared<Responder>(std::move(responder));
  return [kept](const Status& status) { kept->Answer(status); };
}

class Service {
 public:
  // Two gates: instances that forward calls to each other must not wait for each other in a circle.
  Service(WorkManager& workers, Executor& executor, std::size_t max_handlers, UnaryMethods& methods)
      : workers_(workers),
        gate_(std::make_shared<HandlerGate>(executor, (max_handlers + 1) / 2)),
        forwarded_gate_(std::make_shared<HandlerGate>(executor, max_handlers / 2)),
        methods_(methods) {}

  // `handle(workers, request, by, responder)` on the executor, where it may wait.
  template <class Request, class Handle>
  void Add(const char* name, const char* type, Handle handle) {
    WorkManager& workers = workers_;
    methods_[std::string("/") + kWorkManagerService + "/" + name] =
        [&workers, gate = gate_, forwarded_gate = forwarded_gate_, name, type,
         handle](UnaryCall given) {
          HandlerGate& own = given.forwarded ? *forwarded_gate : *gate;
          own.Post([&workers, name, type, handle, call = std::move(given)]() mutable {
            if (!call.responder.Wanted()) return;
            const Executor::CallScope naming(name);
            const Executor::BlockingScope blocking;
            Request request;
            if (!request.ParseFromString(call.request))
              return call.responder.Answer(BadRequest(type));
            call.request = {};
            const CallContext by{std::move(call.who), call.forwarded};
            handle(workers, request, by, std::move(call.responder));
          });
        };
  }
  // The same for what answers at once: `handle(workers, request, by)` gives a Result.
  template <class Request, class Handle>
  void AddNow(const char* name, const char* type, Handle handle) {
    Add<Request>(
        name, type,
        [handle](WorkManager& workers, Request& request, const CallContext& by,
                 Responder responder) { Answer(responder, handle(workers, request, by)); });
  }

  void AddLife();
  void AddTags();
  void AddLists();

 private:
  WorkManager& workers_;
  const std::shared_ptr<HandlerGate> gate_;
  const std::shared_ptr<HandlerGate> forwarded_gate_;
  UnaryMethods& methods_;
};

Result<lite::CreateWorkerResponse> Create(WorkManager& workers, lite::CreateWorkerRequest& request,
                                          const CallContext& by) {
  const Status text = TextCheck()
                          .Field("mime_type", request.mime_type())
                          .List("topics", request.topics())
                          .Entries("config", request.config())
                          .Entries("tags", request.tags())
                          .status();
  if (!text.ok()) return text;
  auto code = ToCodeSource(*request.mutable_code_source(), request.mime_type());
  if (!code.ok()) return code.status();
  CreateWorkerRequest create;
  create.code = std::move(*code);
  create.topics.assign(request.topics().begin(), request.topics().end());
  create.config = ToMap(request.config());
  create.tags = ToMap(request.tags());
  auto id = workers.Create(std::move(create), by);
  if (!id.ok()) return id.status();
  lite::CreateWorkerResponse response;
  response.set_id(std::move(*id));
  return response;
}

void Service::AddLife() {
  AddNow<lite::CreateWorkerRequest>("CreateWorker", "CreateWorkerRequest", &Create);
  AddNow<lite::StartWorkerRequest>("StartWorker", "StartWorkerRequest",
                                   [](WorkManager& workers, lite::StartWorkerRequest& request,
                                      const CallContext& by) -> Result<lite::StartWorkerResponse> {
                                     if (Status status = workers.Start(request.id(), by);
                                         !status.ok())
                                       return status;
                                     return lite::StartWorkerResponse();
                                   });
  Add<lite::StopWorkerRequest>("StopWorker", "StopWorkerRequest",
                               [](WorkManager& workers, const lite::StopWorkerRequest& request,
                                  const CallContext& by, Responder responder) {
                                 workers.Stop(request.id(), AnswerWhenDone(std::move(responder)),
                                              by);
                               });
  Add<lite::DeleteWorkerRequest>("DeleteWorker", "DeleteWorkerRequest",
                                 [](WorkManager& workers, const lite::DeleteWorkerRequest& request,
                                    const CallContext& by, Responder responder) {
                                   workers.Delete(request.id(),
                                                  AnswerWhenDone(std::move(responder)), by);
                                 });
  Add<lite::LoadCodeRequest>("LoadCode", "LoadCodeRequest",
                             [](WorkManager& workers, lite::LoadCodeRequest& request,
                                const CallContext& by, Responder responder) {
                               auto code = ToCodeSource(*request.mutable_code_source(), {});
                               if (!code.ok()) return responder.Answer(code.status());
                               workers.LoadCode(request.id(), std::move(*code),
                                                AnswerWhenDone(std::move(responder)), by);
                             });
}

void Service::AddTags() {
  AddNow<lite::GetTagRequest>("GetTag", "GetTagRequest",
                              [](WorkManager& workers, lite::GetTagRequest& request,
                                 const CallContext&) -> Result<lite::GetTagResponse> {
                                auto value = workers.GetTag(request.id(), request.key());
                                if (!value.ok()) return value.status();
                                lite::GetTagResponse response;
                                response.set_value(std::move(*value));
                                return response;
                              });
  AddNow<lite::GetTagsRequest>("GetTags", "GetTagsRequest",
                               [](WorkManager& workers, lite::GetTagsRequest& request,
                                  const CallContext&) -> Result<lite::GetTagsResponse> {
                                 auto tags = workers.GetTags(request.id());
                                 if (!tags.ok()) return tags.status();
                                 lite::GetTagsResponse response;
                                 response.mutable_tags()->insert(tags->begin(), tags->end());
                                 return response;
                               });
  AddNow<lite::SetTagRequest>(
      "SetTag", "SetTagRequest",
      [](WorkManager& workers, lite::SetTagRequest& request,
         const CallContext& by) -> Result<lite::SetTagResponse> {
        Status status =
            TextCheck().Field("key", request.key()).Field("value", request.value()).status();
        if (status.ok()) status = workers.SetTag(request.id(), request.key(), request.value(), by);
        if (!status.ok()) return status;
        return lite::SetTagResponse();
      });
  AddNow<lite::SetTagsRequest>(
      "SetTags", "SetTagsRequest",
      [](WorkManager& workers, lite::SetTagsRequest& request,
         const CallContext& by) -> Result<lite::SetTagsResponse> {
        Status status = TextCheck().Entries("tags", request.tags()).status();
        if (status.ok()) status = workers.SetTags(request.id(), ToMap(request.tags()), by);
        if (!status.ok()) return status;
        return lite::SetTagsResponse();
      });
}

void Service::AddLists() {
  AddNow<lite::ListWorkersRequest>("ListWorkers", "ListWorkersRequest",
                                   [](WorkManager& workers, lite::ListWorkersRequest& request,
                                      const CallContext&) -> Result<lite::ListWorkersResponse> {
                                     const auto filters = ToFilters(request);
                                     if (!filters.ok()) return filters.status();
                                     lite::ListWorkersResponse response;
                                     for (const WorkerInfo& info : workers.List(*filters))
                                       Fill(info, *response.add_workers());
                                     return response;
                                   });
  AddNow<lite::GetWorkerHistoryRequest>(
      "GetWorkerHistory", "GetWorkerHistoryRequest",
      [](WorkManager& workers, lite::GetWorkerHistoryRequest& request,
         const CallContext&) -> Result<lite::GetWorkerHistoryResponse> {
        auto entries = workers.History(request.id());
        if (!entries.ok()) return entries.status();
        lite::GetWorkerHistoryResponse response;
        Fill(*std::move(entries), response);
        return response;
      });
  AddNow<lite::RecoverWorkersRequest>(
      "RecoverWorkers", "RecoverWorkersRequest",
      [](WorkManager& workers, lite::RecoverWorkersRequest&,
         const CallContext& by) -> Result<lite::RecoverWorkersResponse> {
        const auto count = workers.Recover(by);
        if (!count.ok()) return count.status();
        lite::RecoverWorkersResponse response;
        response.set_recovered_count(*count);
        return response;
      });
  AddNow<lite::ListEnginesRequest>("ListEngines", "ListEnginesRequest",
                                   [](WorkManager& workers, lite::ListEnginesRequest&,
                                      const CallContext&) -> Result<lite::ListEnginesResponse> {
                                     lite::ListEnginesResponse response;
                                     for (const EngineInfo& info : workers.Engines())
                                       Fill(info, *response.add_engines());
                                     return response;
                                   });
}

}  // namespace

void AddWorkManagerMethods(WorkManager& workers, Executor& executor, std::size_t max_handlers,
                           UnaryMethods& methods) {
  Service service(workers, executor, max_handlers, methods);
  service.AddLife();
  service.AddTags();
  service.AddLists();
}

}  // namespace virtufin::inline v0::detail
