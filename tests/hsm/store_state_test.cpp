#include "hsm/store_state.h"

#include "hsm/known_keys.h"
#include "support/fixed_clock.h"
#include "support/software_backend.h"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace clawsigner;
using namespace std::chrono_literals;
using hsm::BackendState;

namespace {

const hsm::KeyName kFirst{crypto::Family::gateway_receipt, 1};

/// A state, and what its observer was told.
struct Told {
    std::vector<hsm::BackendStatus> news;
    tests::FixedClock clock;
    hsm::StoreState state{[this](const hsm::BackendStatus& status) { news.push_back(status); },
                          clock};
};

Error down(const char* message) {
    return {ErrorCode::hsm_down, message};
}

hsm::StoredKey made_now(std::uint32_t version = 1) {
    tests::SoftwareBackend backend;
    return backend.generate({crypto::Family::gateway_receipt, version}, crypto::Algorithm::ed25519)
        .value();
}

bool any_reason(const Error&) {
    return true;
}

}  // namespace

TEST_CASE("store state: the observer hears of a new state or reason, and of nothing twice",
          "[hsm]") {
    Told told;
    told.state.set(BackendState::absent, down("gone"));
    told.state.set(BackendState::absent, down("gone"));
    told.state.set(BackendState::absent, down("still gone"));
    told.state.describe("a token");
    told.state.set(BackendState::ready, std::nullopt);
    REQUIRE(told.news.size() == 3);
    CHECK(told.news[1].why->message == "still gone");
    CHECK(told.news[2].state == BackendState::ready);
    CHECK(told.news[2].device == "a token");
}

TEST_CASE("store state: since when counts from the change of state, not of its reason", "[hsm]") {
    Told told;
    told.state.set(BackendState::absent, down("gone"));
    const auto since = told.state.status().since;
    told.clock.advance(5s);
    told.state.set(BackendState::absent, down("still gone"));
    CHECK(told.state.status().since == since);
    told.state.set(BackendState::opening, std::nullopt);
    CHECK(told.state.status().since != since);
}

TEST_CASE("store state: only one that serves becomes suspect", "[hsm]") {
    Told told;
    told.state.set(BackendState::held, down("its PIN was refused"));
    told.state.suspect(down("old news"));
    CHECK(told.state.status().state == BackendState::held);
    told.state.set(BackendState::ready, std::nullopt);
    CHECK(told.state.ready());
    told.state.suspect(down("a wrong signature"));
    CHECK(told.state.status().state == BackendState::suspect);
    CHECK_FALSE(told.state.ready());
}

TEST_CASE("store state: who opens it waits while it is ready or held, and is woken to stop",
          "[hsm]") {
    Told told;
    CHECK(told.state.wait_until_wanted());
    for (const BackendState settled : {BackendState::ready, BackendState::held}) {
        told.state.set(settled, std::nullopt);
        std::thread wakes([&] { told.state.set(BackendState::opening, std::nullopt); });
        CHECK(told.state.wait_until_wanted());
        wakes.join();
    }
    told.state.set(BackendState::ready, std::nullopt);
    std::thread stops([&] { told.state.stop(); });
    CHECK_FALSE(told.state.wait_until_wanted());
    stops.join();
    CHECK_FALSE(told.state.pause(1h));
}

TEST_CASE("store state: who waits for an opening gets its end, or how it is at the deadline",
          "[hsm]") {
    Told told;
    CHECK(told.state.wait_while_opening(base::deadline_in(1ms)).state == BackendState::opening);
    std::thread opens([&] { told.state.set(BackendState::ready, std::nullopt); });
    CHECK(told.state.wait_while_opening(base::deadline_in(20s)).state == BackendState::ready);
    opens.join();
}

TEST_CASE("known keys: a name that has another public key than before is not signed with",
          "[hsm]") {
    hsm::KnownKeys known;
    CHECK(known.snapshot()->keys.empty());
    const auto key = made_now();
    known.take({{key}, {}});
    known.take({{key}, {}});
    CHECK(known.snapshot()->keys.size() == 1);
    known.take({{made_now()}, {}});
    CHECK(known.snapshot()->keys.empty());
    REQUIRE(known.snapshot()->unusable.size() == 1);
    CHECK(known.snapshot()->unusable[0].why.code == ErrorCode::key_quarantined);
}

TEST_CASE("known keys: what a person gave up leaves its name free", "[hsm]") {
    hsm::KnownKeys known;
    const auto key = made_now();
    known.take({{key}, {}});
    known.forget({{key}, {}}, key.id.text());
    known.take({{made_now()}, {}});
    CHECK(known.snapshot()->keys.size() == 1);
}

TEST_CASE("known keys: only a key that has served here makes a store doubtful", "[hsm]") {
    hsm::KnownKeys known;
    known.take({{made_now()}, {}});
    const auto failing = [](std::uint32_t version) {
        return hsm::KeySnapshot{
            {}, {{"id", hsm::key_label({kFirst.family, version}), down("its signature is wrong")}}};
    };
    CHECK(known.doubt_of(failing(1), any_reason));
    CHECK_FALSE(known.doubt_of(failing(2), any_reason));
    CHECK_FALSE(known.doubt_of(failing(1), [](const Error&) { return false; }));
}
