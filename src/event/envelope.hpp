// Envelope: the core attributes of one event as a reader meets them, each at most once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "event/assemble.hpp"

namespace virtufin::inline v0::detail {

/// What a name in an envelope stands for.
enum Member : std::uint8_t {
  kMemberSpecVersion,
  kMemberId,
  kMemberTime,
  kMemberData,
  kMemberDataBase64,
  kFirstAttribute,  // then as Attribute
  kMemberExtension = kFirstAttribute + static_cast<int>(kAttributeCount)
};

constexpr Member MemberOf(Attribute attribute) noexcept {
  return static_cast<Member>(static_cast<int>(kFirstAttribute) + static_cast<int>(attribute));
}

inline Member MemberOf(std::string_view name) noexcept {
  const auto is = [name](std::string_view core, Member member) {
    return name == core ? member : kMemberExtension;
  };
  switch (name.size()) {
    case 2:
      return is("id", kMemberId);
    case 4:
      if (name[0] == 'd') return is("data", kMemberData);
      return name[1] == 'y' ? is("type", MemberOf(kType)) : is("time", kMemberTime);
    case 6:
      return is("source", MemberOf(kSource));
    case 7:
      return is("subject", MemberOf(kSubject));
    case 10:
      return is("dataschema", MemberOf(kDataSchema));
    case 11:
      return name[0] == 's' ? is("specversion", kMemberSpecVersion)
                            : is("data_base64", kMemberDataBase64);
    case 15:
      return is("datacontenttype", MemberOf(kDataContentType));
    default:
      return kMemberExtension;
  }
}

inline Status Expected(std::string_view name, std::string_view expected, std::string_view found) {
  return EventError(std::string(name) + ": expected " + std::string(expected) + ", found " +
                    std::string(found));
}

inline Status ReadTimeText(std::string_view name, std::string_view text, Timestamp& out) {
  if (Timestamp::TryParse(text, out)) return {};
  return EventError(std::string(name) + ": " +
                    std::string(Timestamp::Parse(text).status().message()));
}

class Envelope {
 public:
  explicit Envelope(NameRule rule) noexcept : rule_(rule) {}

  Draft draft;

  NameRule rule() const noexcept { return rule_; }
  bool has(Member member) const noexcept { return (seen_ >> member & 1) != 0; }

  /// Notes that `member` is there. Errors: INVALID_ARGUMENT the second time.
  Status Note(Member member, std::string_view name) {
    if (has(member)) return EventError(std::string(name) + " is there twice");
    seen_ |= 1u << member;
    return {};
  }
  /// A core attribute but the data; `text` is borrowed. An empty one counts as absent where the
  /// rule is lenient.
  Status SetText(Member member, std::string_view name, std::string_view text) {
    if (text.empty() && (rule_ == NameRule::kStrict || member == kMemberId)) {
      return Expected(name, "a text", "an empty one");
    }
    if (member == kMemberId) {
      draft.SetId(text);
    } else if (member == kMemberSpecVersion) {
      version_ = text;
    } else if (member >= kFirstAttribute) {
      draft.SetAttribute(static_cast<Attribute>(member - kFirstAttribute), text);
    } else if (!text.empty()) {
      Timestamp time;
      if (Status status = ReadTimeText(name, text, time); !status.ok()) return status;
      draft.SetTime(time);
    }
    return {};
  }
  /// Errors: INVALID_ARGUMENT when specversion is missing or is none that we know.
  Status CheckVersion() const {
    if (version_ == "1.0") return {};
    return Expected("specversion", "\"1.0\"",
                    has(kMemberSpecVersion) ? ShownText(version_) : "nothing");
  }

 private:
  NameRule rule_;
  unsigned seen_ = 0;  // bit per Member
  std::string_view version_;
};

}  // namespace virtufin::inline v0::detail
