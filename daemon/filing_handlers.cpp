#include "claw/json_reader.h"
#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "service/approvals.h"
#include "service/boot_approval.h"
#include "service/prune_log.h"

/// Acts of the log and of the boot states, which do nothing before operators approve of them.
namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxWhy = 1024;

/// Files `act` on the terms that `read` finds in the body, beside "why", as `text_of` writes them.
template <class Terms>
Answer file(const Call& call, service::GatedAct act, Terms (*read)(claw::JsonReader&),
            std::string (*text_of)(const Terms&)) {
    const auto document = claw::parse_json(call.body, claw::JsonRules::door);
    if (!document.ok()) {
        return error_answer(document.error());
    }
    claw::JsonReader in(*document, "");
    const Terms terms = read(in);
    const auto why = in.optional_text("why", kMaxWhy);
    if (const Status whole = in.finish(); !whole.ok()) {
        return error_answer(whole.error());
    }
    return filed_answer(
        call.appliance.approvals->file(call.caller, act, text_of(terms), why.value_or("")));
}

}  // namespace

Answer prune_log(const Call& call) {
    return file(call, service::GatedAct::prune, service::read_pruning, service::pruning_text);
}

Answer approve_pcrs(const Call& call) {
    return file(call, service::GatedAct::approve_pcrs, service::read_boot_approval,
                service::boot_approval_text);
}

}  // namespace clawsigner::daemon
