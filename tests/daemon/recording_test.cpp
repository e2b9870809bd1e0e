#include "daemon/recording.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <optional>
#include <thread>

using namespace clawsigner;
namespace asio = boost::asio;

namespace {

/// A ledger that keeps what it was given and answers when it is told to.
class LateLog final : public ledger::Log {
public:
    void submit(std::shared_ptr<ledger::Submission> submission) override {
        waiting = std::move(submission);
    }
    /// On a thread that is not the asker's, which keeps its part until after the answer.
    void answer() {
        std::thread([submission = std::exchange(waiting, nullptr)] {
            submission->answer({ledger::Outcome(ledger::Recorded{7})});
        }).join();
    }

    void note(claw::LeafContent) override {}
    std::optional<ledger::Outcome> foresee(const claw::ArtefactLeaf&, std::size_t) override {
        return std::nullopt;
    }
    Status ready() const override { return {}; }
    ledger::LogStatus status() const override { return {}; }
    std::shared_ptr<const claw::Settings> settings() const override {
        return std::make_shared<claw::Settings>();
    }
    Result<std::string> document(const crypto::Sha256&) override { return none(); }
    ledger::Head head() const override { return std::make_shared<claw::TileTree>(); }
    Result<UnixMillis> latest_time() override { return UnixMillis(); }
    Status publish(ledger::Published, Deadline) override { return {}; }
    std::shared_ptr<const ledger::Published> published() const override { return nullptr; }
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId&) override { return none(); }
    Result<std::vector<std::string>> leaves(std::uint64_t, std::size_t) override { return none(); }
    Result<std::uint64_t> leaf_of(crypto::Family, std::string_view) override { return none(); }
    Result<std::string> body_of(crypto::Family, std::string_view) override { return none(); }
    Result<ledger::Head> close(Deadline) override { return head(); }

    std::shared_ptr<ledger::Submission> waiting;

private:
    static Error none() { return {ErrorCode::not_found, "this log has no leaves"}; }
};

asio::awaitable<void> record_one(ledger::Log& log, std::chrono::milliseconds deadline,
                                 std::optional<ledger::Outcome>& outcome) {
    std::vector<ledger::Entry> entries(1);
    auto outcomes = co_await daemon::recorded(log, std::move(entries), deadline);
    outcome = std::move(outcomes.at(0));
}

}  // namespace

TEST_CASE("recording: who waits is told on its own thread", "[daemon]") {
    LateLog log;
    std::optional<ledger::Outcome> outcome;
    asio::io_context context;
    asio::co_spawn(context, record_one(log, std::chrono::hours(1), outcome), asio::detached);
    context.poll();
    REQUIRE(log.waiting != nullptr);
    log.answer();
    CHECK_FALSE(outcome.has_value());
    context.run();
    REQUIRE(outcome.has_value());
    CHECK(std::get<ledger::Recorded>(outcome->value()).first == 7);
}

TEST_CASE("recording: a ledger that answers too late tells nobody", "[daemon]") {
    LateLog log;
    std::optional<ledger::Outcome> outcome;
    asio::io_context context;
    asio::co_spawn(context, record_one(log, std::chrono::milliseconds(1), outcome), asio::detached);
    context.run();
    REQUIRE(outcome.has_value());
    CHECK(outcome->error().code == ErrorCode::ledger_blocked);
    CHECK(log.waiting->is_abandoned());
    log.answer();
    context.restart();
    CHECK(context.run() == 0);
}

TEST_CASE("recording: an answer that outlives the asker's event loop touches nothing of it",
          "[daemon]") {
    LateLog log;
    std::optional<ledger::Outcome> outcome;
    {
        asio::io_context context;
        asio::co_spawn(context, record_one(log, std::chrono::hours(1), outcome), asio::detached);
        context.poll();
    }
    REQUIRE(log.waiting != nullptr);
    log.answer();
    CHECK_FALSE(outcome.has_value());
}
