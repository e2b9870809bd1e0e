#include "service/proofs.h"

#include "claw/merkle.h"
#include "support/comes_true.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <vector>

using namespace clawsigner;
using Published = std::shared_ptr<const ledger::Published>;

namespace {

constexpr std::size_t kLeaves = 700;  // two full tiles, and some

/// A log of some leaves more, and its checkpoint.
Published grown(const tests::SoftwareAppliance& on) {
    const ledger::Entry entry{{{claw::StartLeaf{"0.1.0"}, {}}}};
    const auto recorded = ledger::record(*on.ledger, std::vector<ledger::Entry>(kLeaves, entry),
                                         base::deadline_in(std::chrono::seconds(10)))
                              .value();
    const std::uint64_t size = std::get<ledger::Recorded>(recorded.back().value()).first + 1;
    REQUIRE(tests::comes_true([&] {
        const Published latest = on.ledger->published();
        return latest && latest->head->size() >= size;
    }));
    return on.ledger->published();
}

bool holds(const tests::SoftwareAppliance& on, service::Proofs& proofs, const Published& under,
           std::uint64_t leaf) {
    const auto path = proofs.inclusion_path(under, leaf);
    const std::string body = on.ledger->leaves(leaf, 1).value().front();
    return path.ok() && claw::check_inclusion(claw::leaf_hash(base::as_bytes(body)), leaf,
                                              under->head->size(), *path, under->head->root())
                            .ok();
}

}  // namespace

TEST_CASE("proofs: each holds under its checkpoint, old or new", "[service]") {
    const tests::SoftwareAppliance on;
    service::Proofs proofs(*on.ledger);
    const Published first = grown(on);
    const Published second = grown(on);
    REQUIRE(second->head->size() >= 2 * kLeaves);
    for (const Published& under : {first, second, first}) {
        for (std::uint64_t leaf = 0; leaf < under->head->size(); leaf += 97) {
            CHECK(holds(on, proofs, under, leaf));
        }
        CHECK(holds(on, proofs, under, under->head->size() - 1));
        CHECK(proofs.inclusion_path(under, under->head->size()).error().code ==
              ErrorCode::proof_invalid);
    }
}

TEST_CASE("proofs: those who ask at once get theirs", "[service]") {
    const tests::SoftwareAppliance on;
    service::Proofs proofs(*on.ledger);
    const Published under = grown(on);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t first = 0; first < 4; ++first) {
            threads.emplace_back([&, first] {
                for (std::uint64_t leaf = first; leaf < kLeaves; leaf += 11) {
                    wrong += holds(on, proofs, under, leaf) ? 0 : 1;
                }
            });
        }
    }
    CHECK(wrong == 0);
}
