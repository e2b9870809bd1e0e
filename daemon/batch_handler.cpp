#include "daemon/answers.h"
#include "daemon/fan_out.h"
#include "daemon/handlers.h"
#include "daemon/recording.h"
#include "service/receipt_batch.h"
#include "service/refusals.h"

#include <optional>

namespace clawsigner::daemon {
namespace {

// Small enough that a chunk does not hold up a single receipt for long, large enough that the hops
// between them cost nothing.
constexpr std::size_t kReceiptsPerChunk = 8;

Result<service::ReceiptBatch> split_batch(const Call& call) {
    TRY(const bool with_legacy, read_legacy_flag(call.query));
    return service::ReceiptBatch::split(call.body, with_legacy);
}

/// Those of the batch itself are noted where every answer is.
void note_refusals(const Call& call, const service::ReceiptBatch& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (const auto& result = batch.results()[i]; !result.ok()) {
            call.appliance.refusals->note(call.caller, "POST /v1/receipts/batch",
                                          wire_name(result.error().code), result.error().rule,
                                          batch.element(i));
        }
    }
}

}  // namespace

boost::asio::awaitable<Answer> sign_receipt_batch(const Call& call) {
    auto batch = split_batch(call);
    if (!batch.ok()) {
        co_return error_answer(batch.error());
    }
    const Chunks chunks{batch->size(), kReceiptsPerChunk};
    const auto sign = [&](std::size_t from, std::size_t to) {
        batch->sign(call.appliance, call.caller, from, to);
    };
    co_await fan_out(call.threads, chunks, sign);
    auto entries = batch->take_entries();
    call.on_its_way.leave();
    const auto outcomes =
        co_await recorded(*call.appliance.ledger, std::move(entries), call.appliance.limits.ledger);
    batch->settle(outcomes);
    for (int again = 0; again < kMostSwitches; ++again) {
        auto late = batch->sign_again(call.appliance, call.caller);
        const auto later = co_await recorded(*call.appliance.ledger, std::move(late),
                                             call.appliance.limits.ledger);
        batch->settle(later);
    }
    note_refusals(call, *batch);
    co_return batch_answer(*batch);
}

}  // namespace clawsigner::daemon
