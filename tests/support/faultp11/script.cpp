#include "faultp11/script.h"

#include "faultp11/rv_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <sstream>
#include <utility>

namespace faultp11 {
namespace {

enum class Argument { none, rv, number, token_flag };

struct Known {
    std::string_view name;
    Effect effect;
    Argument argument;
};

constexpr std::array kEffects{
    Known{"return", Effect::refuse, Argument::rv},
    Known{"delay", Effect::delay, Argument::number},
    Known{"hang", Effect::hang, Argument::none},
    Known{"crash", Effect::crash, Argument::none},
    Known{"corrupt", Effect::corrupt, Argument::none},
    Known{"replay", Effect::replay, Argument::none},
    Known{"swap", Effect::swap, Argument::none},
    Known{"drop-sessions", Effect::drop_sessions, Argument::none},
    Known{"logout", Effect::logout, Argument::none},
    Known{"limit", Effect::limit, Argument::number},
    Known{"token-flag", Effect::token_flag, Argument::token_flag},
};

bool can_be_had_with(Effect effect, Function function) {
    switch (effect) {
        case Effect::corrupt:
        case Effect::replay:
            return function == Function::C_Sign || function == Function::C_SignFinal;
        case Effect::swap:
            return function == Function::C_SignInit;
        case Effect::limit:
            return function == Function::C_OpenSession;
        case Effect::token_flag:
            return function == Function::C_GetTokenInfo;
        default:
            return true;
    }
}

std::vector<std::string> words_of(std::string_view line) {
    std::istringstream in{std::string(line.substr(0, line.find('#')))};
    std::vector<std::string> words;
    for (std::string word; in >> word;) {
        words.push_back(std::move(word));
    }
    return words;
}

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> rv(std::string_view text) {
    return text.starts_with("0x") ? number(text.substr(2), 16) : rv_named(text);
}

std::optional<std::uint64_t> token_flag(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, CK_FLAGS>, 3> kFlags{
        {{"CKF_USER_PIN_COUNT_LOW", CKF_USER_PIN_COUNT_LOW},
         {"CKF_USER_PIN_FINAL_TRY", CKF_USER_PIN_FINAL_TRY},
         {"CKF_USER_PIN_LOCKED", CKF_USER_PIN_LOCKED}}};
    const auto* const found =
        std::ranges::find(kFlags, name, &std::pair<std::string_view, CK_FLAGS>::first);
    return found == kFlags.end() ? std::nullopt : std::optional<std::uint64_t>(found->second);
}

std::optional<std::uint64_t> value_of(Argument kind, std::string_view text) {
    switch (kind) {
        case Argument::rv:
            return rv(text);
        case Argument::token_flag:
            return token_flag(text);
        default:
            return number(text);
    }
}

std::string_view name_of(Argument kind) {
    switch (kind) {
        case Argument::rv:
            return "CK_RV";
        case Argument::token_flag:
            return "flag of a user PIN";
        default:
            return "number";
    }
}

/// Reads the words of one line; `why` says what is wrong with them when they are none.
class LineReader {
public:
    explicit LineReader(std::vector<std::string> words) : words_(std::move(words)) {}

    bool read(Line& line) {
        return enough() && call(line.call) && counts(line) && effect(line) && fits(line);
    }
    const std::string& why() const { return why_; }

private:
    bool fail(std::string why) {
        why_ = std::move(why);
        return false;
    }

    bool enough() {
        return words_.size() >= 4 || fail("a line is CALL SKIP COUNT EFFECT [ARGUMENT]");
    }

    bool call(std::optional<Function>& out) {
        if (words_[0] == "*") {
            return true;
        }
        const auto* const found = std::ranges::find(kFunctionNames, words_[0]);
        if (found == kFunctionNames.end()) {
            return fail("no function is called " + words_[0]);
        }
        out = static_cast<Function>(found - kFunctionNames.begin());
        return true;
    }

    bool counts(Line& line) {
        const auto skip = number(words_[1]);
        const auto count = words_[2] == "*"
                               ? std::optional(std::numeric_limits<std::uint64_t>::max())
                               : number(words_[2]);
        if (!skip || !count) {
            return fail("SKIP is a number, COUNT a number or *");
        }
        line.skip = *skip;
        line.count = *count;
        return true;
    }

    bool effect(Line& line) {
        const auto* const known = std::ranges::find(kEffects, words_[3], &Known::name);
        if (known == kEffects.end()) {
            return fail("no effect is called " + words_[3]);
        }
        line.effect = known->effect;
        return argument(known->argument, line.argument);
    }

    bool argument(Argument kind, std::uint64_t& out) {
        const std::size_t wanted = kind == Argument::none ? 4 : 5;
        if (words_.size() != wanted) {
            return fail(words_[3] + (wanted == 4 ? " takes no argument" : " takes one argument"));
        }
        if (kind == Argument::none) {
            return true;
        }
        const auto value = value_of(kind, words_[4]);
        if (!value) {
            return fail(words_[4] + " is no " + std::string(name_of(kind)));
        }
        out = *value;
        return true;
    }

    bool fits(const Line& line) {
        return !line.call || can_be_had_with(line.effect, *line.call) ||
               fail(words_[3] + " cannot be had with " + words_[0]);
    }

    std::vector<std::string> words_;
    std::string why_;
};

}  // namespace

bool Line::is_about(Function function) const {
    return call ? *call == function : can_be_had_with(effect, function);
}

Script parse_script(std::string_view text) {
    Script script;
    std::istringstream in{std::string(text)};
    std::size_t line_number = 0;
    for (std::string one; script.error_line == 0 && std::getline(in, one);) {
        ++line_number;
        auto words = words_of(one);
        if (words.empty()) {
            continue;
        }
        Line line;
        line.number = line_number;
        line.text = one;
        LineReader reader(std::move(words));
        if (line_number > kMaxLines || !reader.read(line)) {
            script.error_line = line_number;
            script.error = line_number > kMaxLines ? "the script is too long" : reader.why();
        } else {
            script.lines.push_back(std::move(line));
        }
    }
    return script;
}

}  // namespace faultp11
