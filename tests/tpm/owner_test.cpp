#include "tpm/owner.h"

#include "support/comes_true.h"
#include "tpm/device.h"

#include <catch2/catch.hpp>

#include <future>
#include <mutex>
#include <string>
#include <vector>

using namespace clawsigner;
using namespace std::chrono_literals;
using tests::comes_true;
using tpm::Lane;
using tpm::Owner;

namespace {

/// Work that is held up until it is let go.
class Gate {
public:
    std::function<Result<int>(Owner::Slot&)> work() {
        return [this](Owner::Slot&) {
            entered_.set_value();
            opened_.get_future().wait();
            return Result<int>(1);
        };
    }
    void wait_entered() { entered_.get_future().wait(); }
    void open() { opened_.set_value(); }

private:
    std::promise<void> entered_;
    std::promise<void> opened_;
};

Result<int> call(Owner& owner, Lane lane, std::function<Result<int>(Owner::Slot&)> work,
                 std::chrono::milliseconds wait = 10s) {
    return owner.call<int>(lane, base::deadline_in(wait), 10s, std::move(work));
}

}  // namespace

TEST_CASE("tpm owner: tokens overtake receipts, each lane in its order", "[tpm]") {
    Owner owner({});
    Gate gate;
    std::mutex mutex;
    std::vector<std::string> done;
    std::vector<std::future<Result<int>>> calls;
    calls.push_back(
        std::async(std::launch::async, [&] { return call(owner, Lane::last, gate.work()); }));
    gate.wait_entered();
    std::size_t queued = 0;
    const auto enqueue = [&](Lane lane, const std::string& name) {
        calls.push_back(std::async(std::launch::async, [&, lane, name] {
            return call(owner, lane, [&, name](Owner::Slot&) {
                const std::lock_guard lock(mutex);
                done.push_back(name);
                return Result<int>(1);
            });
        }));
        ++queued;
        REQUIRE(comes_true([&] { return owner.waiting() == queued; }));
    };
    enqueue(Lane::last, "receipt 1");
    enqueue(Lane::last, "receipt 2");
    enqueue(Lane::middle, "checkpoint");
    enqueue(Lane::first, "token 1");
    enqueue(Lane::first, "token 2");
    gate.open();
    for (std::future<Result<int>>& each : calls) {
        CHECK(each.get().ok());
    }
    CHECK(done ==
          std::vector<std::string>{"token 1", "token 2", "checkpoint", "receipt 1", "receipt 2"});
}

TEST_CASE("tpm owner: a full lane refuses at once, says when to ask again, and leaves others room",
          "[tpm]") {
    Owner owner({1, 2s});
    Gate gate;
    auto first =
        std::async(std::launch::async, [&] { return call(owner, Lane::last, gate.work()); });
    gate.wait_entered();
    auto second = std::async(std::launch::async, [&] {
        return call(owner, Lane::last, [](Owner::Slot&) { return Result<int>(2); });
    });
    REQUIRE(comes_true([&] { return owner.waiting() == 1; }));
    const auto refused = call(owner, Lane::last, [](Owner::Slot&) { return Result<int>(3); });
    CHECK(refused.error().code == ErrorCode::queue_full);
    CHECK(refused.error().retry_after >= 1);
    auto token = std::async(std::launch::async, [&] {
        return call(owner, Lane::first, [](Owner::Slot&) { return Result<int>(4); });
    });
    REQUIRE(comes_true([&] { return owner.waiting() == 2; }));
    gate.open();
    CHECK(first.get().value() == 1);
    CHECK(second.get().value() == 2);
    CHECK(token.get().value() == 4);
}

TEST_CASE("tpm owner: who waits too long is told so, and what it asked for is not done", "[tpm]") {
    Owner owner({});
    Gate gate;
    auto first =
        std::async(std::launch::async, [&] { return call(owner, Lane::last, gate.work()); });
    gate.wait_entered();
    bool done = false;
    const auto late = call(
        owner, Lane::first,
        [&](Owner::Slot&) {
            done = true;
            return Result<int>(2);
        },
        50ms);
    CHECK(late.error().code == ErrorCode::queue_full);
    gate.open();
    CHECK(first.get().ok());
    CHECK(call(owner, Lane::last, [](Owner::Slot&) { return Result<int>(3); }).ok());
    CHECK_FALSE(done);
}

TEST_CASE("tpm owner: a call that does not return is left to itself, with everybody told",
          "[tpm]") {
    auto gate = std::make_shared<Gate>();
    std::function<bool()> still_there;
    {
        Owner owner({});
        still_there = owner.still_there();
        auto queued = std::async(std::launch::async, [&] {
            gate->wait_entered();
            return call(owner, Lane::last, [](Owner::Slot&) { return Result<int>(2); });
        });
        const auto hung = owner.call<int>(Lane::first, base::deadline_in(10s), 100ms, gate->work());
        CHECK(hung.error().code == ErrorCode::hsm_down);
        CHECK(owner.hangs());
        CHECK(queued.get().error().code == ErrorCode::hsm_down);
        CHECK_FALSE(call(owner, Lane::first, [](Owner::Slot&) { return Result<int>(3); }).ok());
    }
    CHECK(still_there());
    gate->open();
    CHECK(comes_true([&] { return !still_there(); }));
}
