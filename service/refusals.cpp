#include "service/refusals.h"

#include "crypto/digest.h"

#include <utility>

namespace clawsigner::service {
namespace {

claw::RefusalLeaf summary_of(std::size_t count) {
    claw::RefusalLeaf leaf;
    leaf.operation = "several";
    leaf.code = "several";
    leaf.count = static_cast<std::int64_t>(count);
    return leaf;
}

}  // namespace

void Refusals::finish() {
    if (const std::size_t left_out = budget_.take_left_out(); left_out > 0) {
        log_.note(summary_of(left_out));
    }
}

void Refusals::note(const claw::LeafCaller& caller, std::string operation, std::string_view code,
                    std::string_view rule, std::string_view request) {
    const auto left_out = budget_.take();
    if (!left_out) {
        return;
    }
    if (*left_out > 0) {
        log_.note(summary_of(*left_out));
    }
    claw::RefusalLeaf leaf;
    leaf.operation = std::move(operation);
    leaf.code = code;
    if (!rule.empty()) {
        leaf.rule = rule;
    }
    leaf.request_sha256 = crypto::sha256_b64u(request);
    leaf.caller = caller;
    log_.note(std::move(leaf));
}

}  // namespace clawsigner::service
