#pragma once

#include "ledger/database.h"
#include "ledger/log.h"
#include "support/comes_true.h"
#include "support/fixed_clock.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace clawsigner::tests {

/// A log of the test's own, on disk.
struct TestLedger {
    TempDir directory;
    FixedClock clock;
    std::unique_ptr<ledger::Log> log;

    TestLedger() { open(); }

    void open(std::uint64_t state_every = 10'000) {
        log.reset();
        log = attempt(state_every).value();
    }

    /// What opening the directory gives, whoever has it open.
    Result<std::unique_ptr<ledger::Log>> attempt(std::uint64_t state_every = 10'000) const {
        ledger::Log::Options options;
        options.directory = directory.path();
        options.clock = &clock;
        options.state_every = state_every;
        return ledger::Log::open(std::move(options));
    }

    ledger::Outcome put(claw::LeafContent leaf, std::optional<std::string> answer = {}) {
        return ledger::record(*log, {{{{std::move(leaf), std::move(answer)}}}},
                              base::deadline_in(std::chrono::seconds(10)))
            .value()
            .front();
    }

    void put_document(const std::string& text) {
        ledger::Entry entry{{{claw::StartLeaf{"0.1.0"}, std::nullopt}}, {text}};
        REQUIRE(
            ledger::record(*log, {std::move(entry)}, base::deadline_in(std::chrono::seconds(10)))
                .value()
                .front()
                .ok());
    }

    /// As somebody with a database shell would.
    void edit(const char* sql) {
        log.reset();
        auto database =
            ledger::Database::open(directory / "ledger.db", ledger::Database::Mode::write).value();
        REQUIRE(database.execute(sql).ok());
    }

    /// Why the log is damaged, once it has been held against itself.
    std::string damage() {
        open();
        (void)comes_true([this] {
            const auto now = log->status();
            return now.checked || now.health == ledger::Health::damaged;
        });
        const auto status = log->status();
        return status.health == ledger::Health::damaged ? status.why->message : "";
    }
};

/// A receipt's leaf.
inline claw::ArtefactLeaf artefact(std::string id) {
    claw::ArtefactLeaf leaf;
    leaf.family = crypto::Family::gateway_receipt;
    leaf.artefact = "gateway_receipt";
    leaf.id = std::move(id);
    leaf.kid = "0011223344556677";
    leaf.signed_sha256 = crypto::sha256_b64u("signed");
    leaf.answer_sha256 = crypto::sha256_b64u("answer " + leaf.id);
    leaf.rule = "role.proxy";
    return leaf;
}

inline claw::ArtefactLeaf with_nonce(std::string id, const std::string& nonce,
                                     const std::string& body = "body") {
    claw::ArtefactLeaf leaf = artefact(std::move(id));
    leaf.nonce_sha256 =
        base::base64url_encode(claw::nonce_key("gateway", std::string("run"), nonce));
    leaf.request_sha256 = crypto::sha256_b64u(body);
    return leaf;
}

}  // namespace clawsigner::tests
