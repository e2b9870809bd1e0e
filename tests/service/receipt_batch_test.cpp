#include "service/receipt_batch.h"

#include "claw/receipt_verify.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace clawsigner;
using service::ReceiptBatch;
using tests::kGoodReceipt;
using tests::SoftwareAppliance;

namespace {

void record(const SoftwareAppliance& on, ReceiptBatch& batch) {
    batch.settle(ledger::record(*on.ledger, batch.take_entries(),
                                base::deadline_in(std::chrono::seconds(10)))
                     .value());
}

}  // namespace

TEST_CASE("receipt batch: good and bad stand side by side, in order", "[service]") {
    const SoftwareAppliance on;
    const std::string body = R"({"receipts":[)" + kGoodReceipt + R"(,{"provider":""},)" +
                             kGoodReceipt + R"(,nonsense,{"model":"\ud800"},{"a":1,"a":2},)" +
                             kGoodReceipt + "]}";
    auto batch = ReceiptBatch::split(body, false).value();
    REQUIRE(batch.size() == 7);
    batch.sign(on.appliance, tests::kCaller, 0, 7);
    record(on, batch);
    const auto& results = batch.results();
    for (const std::size_t good : {0U, 2U, 6U}) {
        CHECK(claw::verify_receipt(results[good]->envelope, {on.key()}).verdict.valid());
    }
    CHECK(results[1].error().field == "provider");
    CHECK(results[3].error().code == ErrorCode::malformed_json);
    CHECK(results[4].error().code == ErrorCode::malformed_json);
    CHECK(results[5].error().field == "a");
}

TEST_CASE("receipt batch: ranges are signed by several threads at once", "[service]") {
    const SoftwareAppliance on;
    std::string body = R"({"receipts":[)" + kGoodReceipt;
    for (int i = 1; i < 100; ++i) {
        body += "," + kGoodReceipt;
    }
    body += "]}";
    auto batch = ReceiptBatch::split(body, true).value();
    std::vector<std::thread> threads;
    for (std::size_t from = 0; from < 100; from += 25) {
        threads.emplace_back(
            [&, from] { batch.sign(on.appliance, tests::kCaller, from, from + 25); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    record(on, batch);
    for (const auto& result : batch.results()) {
        CHECK(result.ok());
        CHECK(result->legacy.has_value());
    }
}

TEST_CASE("receipt batch: a thousand are taken and one more is not", "[service]") {
    const auto of = [](std::size_t count) {
        std::string body = R"({"receipts":[0)";
        for (std::size_t i = 1; i < count; ++i) {
            body += ",0";
        }
        return body + "]}";
    };
    CHECK(ReceiptBatch::split(of(1000), false)->size() == 1000);
    CHECK(ReceiptBatch::split(of(1001), false).error().code == ErrorCode::too_large);
    CHECK(ReceiptBatch::split(R"({"receipts":[]})", false)->size() == 0);
}

TEST_CASE("receipt batch: one receipt may not be larger than it could be alone", "[service]") {
    const SoftwareAppliance on;
    const std::string body = R"({"receipts":[{)" + std::string(65'535, ' ') + "}]}";
    auto batch = ReceiptBatch::split(body, false).value();
    batch.sign(on.appliance, tests::kCaller, 0, 1);
    record(on, batch);
    CHECK(batch.results()[0].error().code == ErrorCode::too_large);
}
