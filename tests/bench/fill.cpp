#include "bench/fill.h"

#include "ledger/log.h"

#include <algorithm>
#include <string>
#include <vector>

namespace clawsigner::bench {
namespace {

constexpr std::uint64_t kGroup = 5'000;

/// As a receipt with a run and a nonce makes it.
claw::ArtefactLeaf receipt(std::uint64_t number) {
    claw::ArtefactLeaf leaf;
    leaf.family = crypto::Family::gateway_receipt;
    leaf.artefact = "gateway_receipt";
    leaf.id = "rcpt_" + std::to_string(number);
    leaf.kid = "0123456789abcdef";
    leaf.signed_sha256 = crypto::sha256_b64u(leaf.id);
    leaf.answer_sha256 = leaf.signed_sha256;
    leaf.rule = "role.proxy";
    leaf.caller = claw::LeafCaller{"proxy", 998};
    leaf.run_id = "run_0123456789abcdef";
    leaf.nonce_sha256 = leaf.signed_sha256;
    leaf.request_sha256 = leaf.signed_sha256;
    return leaf;
}

}  // namespace

Status fill_ledger(const std::filesystem::path& directory, std::uint64_t leaves) {
    const base::SystemClock clock;
    ledger::Log::Options options;
    options.directory = directory;
    options.clock = &clock;
    options.deadline = std::chrono::minutes(1);
    TRY(const auto log, ledger::Log::open(std::move(options)));
    for (std::uint64_t done = 0; done < leaves; done += kGroup) {
        std::vector<ledger::Entry> entries;
        for (std::uint64_t i = done; i < std::min(done + kGroup, leaves); ++i) {
            entries.push_back({{{receipt(i), std::nullopt}}});
        }
        CHECK_OK(
            ledger::record(*log, std::move(entries), base::deadline_in(std::chrono::minutes(1))));
    }
    return Status::done();
}

}  // namespace clawsigner::bench
