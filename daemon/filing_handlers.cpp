#include "claw/json_reader.h"
#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "service/approvals.h"
#include "service/prune_log.h"

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxWhy = 1024;

Result<policy::ActRequest> asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const service::Pruning pruning = service::read_pruning(in);
    const auto why = in.optional_text("why", kMaxWhy);
    CHECK_OK(in.finish());
    return call.appliance.approvals->file(call.caller, service::GatedAct::prune,
                                          service::pruning_text(pruning), why.value_or(""));
}

}  // namespace

Answer prune_log(const Call& call) {
    return filed_answer(asked(call));
}

}  // namespace clawsigner::daemon
