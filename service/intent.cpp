#include "service/intent.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"

namespace clawsigner::service {
namespace {

constexpr std::size_t kMaxText = 4096;  // a leaf held it already

std::optional<claw::LeafCaller> read_caller(claw::JsonReader& in) {
    const claw::JsonValue* value = in.optional_object("caller");
    if (value == nullptr) {
        return std::nullopt;
    }
    claw::JsonReader inner(*value, "caller");
    claw::LeafCaller caller;
    caller.role = inner.text("role", kMaxText);
    caller.uid = static_cast<std::uint32_t>(inner.integer("uid", 0, UINT32_MAX));
    if (const Status read = inner.finish(); !read.ok()) {
        in.refuse(read.error());
    }
    return caller;
}

Result<Intent> parse(const std::string& text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::javascript));
    claw::JsonReader in(document, "");
    (void)in.integer("v", 1, 1);
    Intent intent;
    Doing& doing = intent.doing;
    doing.caller = read_caller(in);
    intent.held = in.has("held") && in.boolean("held");
    doing.request = in.optional_text("request", kMaxText);
    doing.why = in.optional_text("why", kMaxText);
    CHECK_OK(in.finish());
    return intent;
}

}  // namespace

std::string intent_text(const Intent& intent) {
    const Doing& doing = intent.doing;
    claw::JsonWriter out;
    if (doing.caller) {
        out.raw("caller", claw::JsonWriter()
                              .text("role", doing.caller->role)
                              .integer("uid", doing.caller->uid)
                              .done());
    }
    if (intent.held) {
        out.boolean("held", true);
    }
    out.optional_text("request", doing.request).integer("v", 1).optional_text("why", doing.why);
    return out.done();
}

Intent intent_in(const std::string& text) {
    auto intent = parse(text);
    return intent.ok() ? *std::move(intent) : Intent();
}

}  // namespace clawsigner::service
