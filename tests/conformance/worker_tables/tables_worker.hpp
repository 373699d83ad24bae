// A worker that does what its event says, one command a line, and answers with what each gave: in
// process and as a library.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/worker/native_export.hpp"
#include "virtufin/worker/worker.hpp"

namespace virtufin::test {

class TablesWorker final : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    std::string answer;
    if (event.type() == "fail") return Status(StatusCode::kNotFound, "book", "no such pair");
    if (event.type() == kTimerEventType) {
      answer = "timer " + std::string(event.subject()) + " " +
               std::string(event.ExtensionText("timercount")) + " " +
               std::string(event.ExtensionText("timermissed")) + " at " +
               std::string(event.time_text()) + " " + std::string(event.ExtensionText("clocktype"));
    } else if (event.data_text().empty()) {
      answer = "event " + std::string(event.subject());
    }
    std::string_view rest = event.type() == kTimerEventType ? "" : event.data_text();
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (!answer.empty()) answer += '\n';
      answer += Run(Words(line));
    }
    CloudEvent::Builder builder;
    builder.Source("urn:test:tables").Type("tables.reply").TextData(answer);
    auto reply = builder.Build();
    if (!reply.ok()) return reply.status();
    return std::optional<CloudEvent>(*std::move(reply));
  }

 private:
  using WordList = std::vector<std::string>;

  static WordList Words(std::string_view line) {
    WordList words;
    for (;;) {
      const std::size_t end = line.find(' ');
      words.emplace_back(line.substr(0, end));
      if (end == std::string_view::npos) break;
      line.remove_prefix(end + 1);
    }
    words.resize(4);
    return words;
  }
  static std::string Text(const Status& status) {
    return std::to_string(static_cast<int>(status.code())) +
           (status.ok() ? "" : " " + std::string(status.message()));
  }
  static std::int64_t Number(const std::string& text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  std::string Run(const WordList& words) {
    WorkerContext& host = *WorkerContext::Current();
    const std::string& what = words[0];
    if (what == "publish") return Publish(host, words);
    if (what == "publish_from_thread") {
      std::string answer;
      std::thread([&] { answer = Publish(host, words); }).join();
      return answer;
    }
    if (what == "get") {
      const auto record = host.GetState(words[1]);
      if (!record.ok()) return Text(record.status());
      etag_ = record->etag;
      return "0 " + record->value;
    }
    if (what == "set") return Set(host, words);
    if (what == "delete") {
      const auto deleted = host.DeleteState(words[1], words[2] == "last" ? etag_ : words[2]);
      return deleted.ok() ? std::string(*deleted ? "0 yes" : "0 no") : Text(deleted.status());
    }
    if (what == "now") {
      const auto now = host.Now();
      if (!now.ok()) return Text(now.status());
      return "0 " + std::to_string(now->now.unix_seconds()) + "." +
             std::to_string(now->now.nanoseconds()) + (now->historical ? " historical" : "");
    }
    if (what == "left") return Left(host);
    if (what == "info") return Info(host);
    if (what == "log") {
      host.Log(LogLevel::kInfo, "one\ntwo\r\nthree");
      return "0";
    }
    return Timer(host, words);
  }

  static std::string Publish(WorkerContext& host, const WordList& words) {
    CloudEvent::Builder builder;
    builder.Source("urn:test:tables").Type("tables.published").Subject(words[2]);
    return Text(host.Publish(words[1], builder.Build().value()));
  }
  std::string Set(WorkerContext& host, const WordList& words) {
    StateCondition condition;
    condition.create_only = words[3] == "new";
    if (!condition.create_only) condition.etag = words[3] == "last" ? etag_ : words[3];
    const auto etag = host.SetState(words[1], words[2], condition);
    if (!etag.ok()) return Text(etag.status());
    const bool same = etag_ == *etag;
    etag_ = *etag;
    return same || etag_.empty() ? "0 without a new etag" : "0";
  }
  static std::string Info(WorkerContext& host) {
    const auto info = host.Info();
    if (!info.ok()) return Text(info.status());
    std::string text =
        "0 " + info->worker_id + " in " + info->instance_id + " of " + info->host_version;
    for (const std::string& topic : info->topics) text += " " + topic;
    for (const auto& [key, value] : info->config) text += " " + key + "=" + value;
    return text;
  }
  static std::string Left(WorkerContext& host) {
    const auto left = host.TimeLeft();
    if (!left.ok()) return Text(left.status());
    if (!left->has_value()) return "0 no limit";
    return **left > std::chrono::nanoseconds(0) && **left <= std::chrono::seconds(30) ? "0 some"
                                                                                      : "0 odd";
  }
  std::string Timer(WorkerContext& host, const WordList& words) {
    if (words[0] == "start") {
      const auto id = host.StartTimer({words[1], std::chrono::nanoseconds(Number(words[2])),
                                       std::chrono::nanoseconds(Number(words[3]))});
      if (!id.ok()) return Text(id.status());
      timer_ = *id;
      return timer_ == 0 ? "0 without a number" : "0";
    }
    if (words[0] == "cancel") {
      return Text(host.CancelTimer(words[1] == "last" ? timer_ : 77));
    }
    return "unknown " + words[0];
  }

  std::string etag_;
  std::uint64_t timer_ = 0;
};

}  // namespace virtufin::test
