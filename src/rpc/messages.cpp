// Messages in, messages out.
#include "rpc/messages.hpp"

#include <utility>

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Invalid(std::string what) {
  return Status(StatusCode::kInvalidArgument, "rpc", std::move(what));
}

// A loader's words may be any bytes; a string of a message may not.
std::string ToText(std::string text) {
  if (IsUtf8(text)) return text;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return text;
}

Result<SourceCredential> ToCredential(lite::SourceCredential& credential) {
  SourceCredential out;
  switch (credential.kind_case()) {
    case lite::SourceCredential::kBasic:
      out.kind = SourceCredential::Kind::kBasic;
      out.username = std::move(*credential.mutable_basic()->mutable_username());
      out.token = std::move(*credential.mutable_basic()->mutable_token());
      return out;
    case lite::SourceCredential::kBearer:
      out.kind = SourceCredential::Kind::kBearer;
      out.token = std::move(*credential.mutable_bearer()->mutable_token());
      return out;
    case lite::SourceCredential::kNamed:
      out.kind = SourceCredential::Kind::kNamed;
      out.name = std::move(*credential.mutable_named());
      return out;
    case lite::SourceCredential::KIND_NOT_SET:
      break;
  }
  return Invalid("code_source.credential: expected basic, bearer or named, found none");
}

}  // namespace

TextCheck& TextCheck::Field(std::string_view name, std::string_view text) {
  if (status_.ok() && !IsUtf8(text)) {
    status_ = Invalid(std::string(name) + ": expected UTF-8, found other bytes");
  }
  return *this;
}

Result<CodeSource> ToCodeSource(lite::CodeSource& source, std::string mime_type) {
  CodeSource out;
  out.mime_type = std::move(mime_type);
  const lite::SourceCredential& shown = source.credential();
  TextCheck check;
  check.Field("code_source.url", source.url())
      .Field("code_source.credential.basic", shown.basic().username())
      .Field("code_source.credential.basic", shown.basic().token())
      .Field("code_source.credential.bearer", shown.bearer().token())
      .Field("code_source.credential.named", shown.named());
  if (!check.status().ok()) return check.status();
  switch (source.source_case()) {
    case lite::CodeSource::kUrl:
      out.url = std::move(*source.mutable_url());
      break;
    case lite::CodeSource::kContent: {
      const std::string& bytes = source.content();
      out.content.assign(bytes.begin(), bytes.end());
      source.clear_content();
      if (source.has_credential()) {
        return Invalid("code_source.credential: expected one for a url only");
      }
      return out;
    }
    case lite::CodeSource::SOURCE_NOT_SET:
      return Invalid("code_source: expected a url or content, found none");
  }
  if (source.has_credential()) {
    auto credential = ToCredential(*source.mutable_credential());
    if (!credential.ok()) return credential.status();
    out.credential = std::move(*credential);
  }
  return out;
}

Result<std::vector<TagFilter>> ToFilters(const lite::ListWorkersRequest& request) {
  TextCheck check;
  check.List("filter", request.filter());
  std::vector<TagFilter> filters;
  for (const lite::TagFilter& filter : request.filters()) {
    check.Field("filters", filter.key()).Field("filters", filter.value());
    filters.push_back({filter.key(), filter.value()});
  }
  if (!check.status().ok()) return check.status();
  for (const std::string& filter : request.filter()) {
    const std::size_t equals = filter.find('=');
    if (equals == std::string::npos) {
      return Invalid("filter: expected key=value, found '" + filter + "'");
    }
    filters.push_back({filter.substr(0, equals), filter.substr(equals + 1)});
  }
  return filters;
}

void Fill(const WorkerInfo& info, lite::WorkerInfo& out) {
  out.set_id(info.id);
  out.set_mime_type(info.mime_type);
  out.set_language(info.language);
  for (const std::string& topic : info.topics) out.add_topics(topic);
  out.set_created_at(info.created_at.ToString());
  out.set_status(static_cast<lite::WorkerStatus>(info.status));
  out.mutable_config()->insert(info.config.begin(), info.config.end());
  out.mutable_tags()->insert(info.tags.begin(), info.tags.end());
  out.set_error(ToText(info.error));
}

Status Fill(CodeSource source, lite::CodeSource& out) {
  if (!source.path.empty() || !source.sha256.empty()) {
    return Status(StatusCode::kFailedPrecondition, "rpc",
                  "code for a worker of another instance: expected a url or content, found a file "
                  "of this machine or a digest");
  }
  if (!source.url.empty()) {
    out.set_url(std::move(source.url));
  } else {
    out.set_content(std::string(source.content.begin(), source.content.end()));
  }
  SourceCredential& credential = source.credential;
  switch (credential.kind) {
    case SourceCredential::Kind::kNone:
      break;
    case SourceCredential::Kind::kBasic:
      out.mutable_credential()->mutable_basic()->set_username(std::move(credential.username));
      out.mutable_credential()->mutable_basic()->set_token(std::move(credential.token));
      break;
    case SourceCredential::Kind::kBearer:
      out.mutable_credential()->mutable_bearer()->set_token(std::move(credential.token));
      break;
    case SourceCredential::Kind::kNamed:
      out.mutable_credential()->set_named(std::move(credential.name));
      break;
  }
  return {};
}

void Fill(std::vector<HistoryEntry> entries, lite::GetWorkerHistoryResponse& out) {
  // Clients take 4 MiB unless told otherwise.
  std::size_t room = std::size_t{3} << 20;
  for (std::size_t i = entries.size(); i-- > 0;) {
    std::vector<std::uint8_t>& content = entries[i].code_source.content;
    if (content.size() <= room) {
      room -= content.size();
    } else {
      content.clear();
    }
  }
  for (HistoryEntry& entry : entries) {
    lite::HistoryEntry& message = *out.add_entries();
    // A file of the machine, which only its application can name, stays unsaid. No secret is there.
    entry.code_source.sha256.clear();
    lite::CodeSource& source = *message.mutable_code_source();
    const bool known = Fill(std::move(entry.code_source), source).ok();
    if (!known || (source.has_content() && source.content().empty())) source.Clear();
    message.set_created_at(entry.created_at.ToString());
    message.set_sha256(std::move(entry.sha256));
  }
}

void Fill(const EngineInfo& info, lite::EngineInfo& out) {
  out.set_mime_type(info.mime_type);
  out.set_language(info.language);
  out.set_available(info.available);
  out.set_detail(ToText(info.detail));
}

}  // namespace virtufin::inline v0::detail
