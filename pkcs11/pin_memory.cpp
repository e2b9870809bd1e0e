#include "pkcs11/pin_memory.h"

#include "base/file.h"
#include "pkcs11/error.h"

#include <charconv>
#include <tuple>
#include <utility>

namespace clawsigner::pkcs11 {
namespace {

constexpr std::size_t kMaxFile = 1024;
constexpr std::string_view kWayOut = "then: clawsigner pin retry";

/// The rest of the next line, which must begin with `name` and a space.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (end == std::string_view::npos || !line.starts_with(name) || line.size() <= name.size() ||
        line[name.size()] != ' ') {
        return std::nullopt;
    }
    text.remove_prefix(end + 1);
    return line.substr(name.size() + 1);
}

std::optional<unsigned> number(std::string_view digits) {
    unsigned value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
    return whole ? std::optional(value) : std::nullopt;
}

/// "C_Login: CKR_PIN_INCORRECT"; empty for what is no answer of the token's.
std::string reason(const Error& error) {
    return error.call.empty() ? "" : std::string(error.call) + ": " + rv_name(error.native);
}

std::string sentence(std::string_view what, std::string_view when, std::string_view why,
                     std::string_view advice) {
    std::string text(what);
    text.append(" on ").append(when);
    if (!why.empty()) {
        text.append(" (").append(why).append(")");
    }
    return text.append("; ").append(advice).append(", ").append(kWayOut);
}

}  // namespace

std::optional<PinMemory::Entry> PinMemory::parse(std::string_view text) {
    const auto login = take_line(text, "login");
    const auto unclear = take_line(text, "unclear");
    const auto since = take_line(text, "since");
    const auto why = take_line(text, "why");
    if (!login || !unclear || !since || !why) {
        return std::nullopt;
    }
    const auto count = number(*unclear);
    const auto time = base::parse_utc(*since);
    if (!count || !time.ok()) {
        return std::nullopt;
    }
    return Entry{*login != "unclear", *count, *time, *why == "-" ? "" : std::string(*why)};
}

std::string PinMemory::print(const Entry& entry) {
    std::string text("login ");
    return text.append(entry.rejected ? "rejected" : "unclear")
        .append("\nunclear ")
        .append(std::to_string(entry.unclear))
        .append("\nsince ")
        .append(base::format_utc(entry.since))
        .append("\nwhy ")
        .append(entry.why.empty() ? std::string_view("-") : std::string_view(entry.why))
        .append("\n");
}

Status PinMemory::allows(const Entry& entry) {
    const std::string when = base::format_utc(entry.since);
    if (entry.rejected) {
        return Error(ErrorCode::pin_held,
                     sentence("the token refused the PIN", when, entry.why, "correct the PIN"));
    }
    if (entry.unclear >= kMostUnclear) {
        return Error(ErrorCode::pin_held,
                     sentence("two logins in a row had no clear answer, the last", when, entry.why,
                              "see that the PIN is right and the token well"));
    }
    return Status::done();
}

Result<std::optional<PinMemory::Entry>> PinMemory::read() const {
    TRY(const auto text, base::read_own_file(file_, kMaxFile));
    if (!text) {
        return std::optional<Entry>();
    }
    auto entry = parse(*text);
    if (!entry) {
        return Error(ErrorCode::pin_held,
                     "what is remembered of the last login cannot be read; see that the PIN is "
                     "right, then: clawsigner pin retry");
    }
    return entry;
}

Status PinMemory::write(const Entry& entry) const {
    return base::write_file_durably(file_, print(entry), 0600);
}

Status PinMemory::standing() const {
    TRY(const auto entry, read());
    return entry ? allows(*entry) : Status::done();
}

Status PinMemory::may_log_in() {
    TRY(auto entry, read());
    Entry next = std::move(entry).value_or(Entry());
    CHECK_OK(allows(next));
    ++next.unclear;
    next.since = clock_.now();
    next.why.clear();
    return write(next);
}

/// What cannot be written here leaves the try without an answer, which spends one try more and
/// never allows one.
void PinMemory::login_answered(const Status& answer) {
    if (answer.ok()) {
        std::ignore = forget();
        return;
    }
    auto entry = read();
    if (!entry.ok()) {
        return;
    }
    Entry next = std::move(*entry).value_or(Entry());
    next.rejected = answer.error().code == ErrorCode::pin_held;
    next.since = clock_.now();
    next.why = reason(answer.error());
    std::ignore = write(next);
}

Status PinMemory::forget() {
    return base::remove_file_durably(file_);
}

}  // namespace clawsigner::pkcs11
