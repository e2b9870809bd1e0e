#include "claw/checkpoint.h"

#include "service/read_log.h"
#include "support/comes_true.h"
#include "support/software_appliance.h"
#include "support/test_ledger.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using std::chrono::seconds;
using tests::artefact;

namespace {

/// The newest checkpoint; of so many leaves, unless that takes longer than a second.
std::shared_ptr<const ledger::Published> published(const tests::SoftwareAppliance& on,
                                                   std::uint64_t size) {
    const auto covers = [&] {
        const auto latest = on.ledger->published();
        return latest && latest->head->size() >= size;
    };
    (void)tests::comes_true(covers, seconds(1));
    return on.ledger->published();
}

}  // namespace

TEST_CASE("checkpointer: the log is signed a second behind at most, and the note holds",
          "[ledger]") {
    const tests::SoftwareAppliance on;
    auto leaf = artefact("a");
    leaf.kid = crypto::kid(on.key());
    const auto recorded =
        ledger::record(*on.ledger, {{{{leaf, {}}}}}, base::deadline_in(seconds(10))).value();
    const std::uint64_t size = std::get<ledger::Recorded>(recorded.front().value()).first + 1;
    const auto latest = published(on, size);
    REQUIRE(latest);
    REQUIRE(latest->head->size() >= size);
    const auto key = claw::NoteKey::parse(on.ledger->setting("log_key").value()).value();
    const auto checkpoint = claw::open_checkpoint(latest->note, key, "clawsigner.test/log").value();
    CHECK(checkpoint.size == latest->head->size());
    CHECK(checkpoint.root == latest->head->root());
}

TEST_CASE("log: tiles and entries beyond the tree are not there, whatever their names say",
          "[ledger]") {
    const tests::SoftwareAppliance on;
    const auto latest = published(on, 1);
    REQUIRE(latest);
    const std::uint64_t index = latest->head->size() / claw::kTileWidth;
    for (const unsigned level : {1U, 7U, 8U, 16U, 63U}) {
        INFO(level);
        CHECK(on.ledger->tile({level, index, 1}).error().code == ErrorCode::not_found);
        CHECK(on.ledger->tile({level, 0, claw::kTileWidth}).error().code == ErrorCode::not_found);
    }
    CHECK(on.ledger->tile({0, index, 1}).ok());
    CHECK(service::log_entries(on.appliance, index, 1).ok());
    for (const std::uint64_t beyond : {index + 1, std::uint64_t{1} << 56U}) {
        CHECK(service::log_entries(on.appliance, beyond, 1).error().code == ErrorCode::not_found);
    }
}
