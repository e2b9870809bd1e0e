#include "ledger/log.h"

#include "claw/checkpoint.h"
#include "ledger/database.h"
#include "service/read_log.h"
#include "support/fixed_clock.h"
#include "support/software_appliance.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <thread>

using namespace clawsigner;
using ledger::Health;
using ledger::Log;

namespace {

using std::chrono::seconds;

struct Ledger {
    tests::TempDir directory;
    tests::FixedClock clock;
    std::unique_ptr<Log> log;

    Ledger() { open(); }

    void open(std::uint64_t state_every = 10'000) {
        log.reset();
        Log::Options options;
        options.directory = directory.path();
        options.clock = &clock;
        options.state_every = state_every;
        log = Log::open(std::move(options)).value();
    }

    ledger::Outcome put(claw::LeafContent leaf, std::optional<std::string> answer = {}) {
        return ledger::record(*log, {{{{std::move(leaf), std::move(answer)}}}},
                              base::deadline_in(seconds(10)))
            .value()
            .front();
    }

    void put_document(const std::string& text) {
        ledger::Entry entry{{{claw::StartLeaf{"0.1.0"}, std::nullopt}}, {text}};
        REQUIRE(ledger::record(*log, {std::move(entry)}, base::deadline_in(seconds(10)))
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
        const auto end = base::deadline_in(seconds(10));
        while (!log->status().checked && log->status().health != Health::damaged &&
               std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
        const auto status = log->status();
        return status.health == Health::damaged ? status.why->message : "";
    }
};

claw::ArtefactLeaf artefact(std::string id) {
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

claw::ArtefactLeaf with_nonce(std::string id, const std::string& nonce, const std::string& body) {
    claw::ArtefactLeaf leaf = artefact(std::move(id));
    leaf.nonce_sha256 =
        base::base64url_encode(claw::nonce_key("gateway", std::string("run"), nonce));
    leaf.request_sha256 = crypto::sha256_b64u(body);
    return leaf;
}

std::uint64_t first_of(const ledger::Outcome& outcome) {
    return std::get<ledger::Recorded>(outcome.value()).first;
}

/// The newest checkpoint; of so many leaves, unless that takes longer than a second.
std::shared_ptr<const ledger::Published> published(const tests::SoftwareAppliance& on,
                                                   std::uint64_t size) {
    const auto end = base::deadline_in(seconds(1));
    auto latest = on.ledger->published();
    while ((!latest || latest->head->size() < size) && std::chrono::steady_clock::now() < end) {
        std::this_thread::yield();
        latest = on.ledger->published();
    }
    return latest;
}

}  // namespace

TEST_CASE("log: what is recorded has the next leaf, also after a restart", "[ledger]") {
    Ledger on;
    CHECK(first_of(on.put(artefact("a"))) == 0);
    CHECK(first_of(on.put(artefact("b"))) == 1);
    const auto root = on.log->head()->root();
    on.open();
    CHECK(on.log->head()->size() == 2);
    CHECK(on.log->head()->root() == root);
    CHECK(first_of(on.put(artefact("c"))) == 2);
}

TEST_CASE("log: what was noted before has its leaf before", "[ledger]") {
    Ledger on;
    for (std::uint64_t i = 0; i < 50; ++i) {
        on.log->note(claw::StartLeaf{"0.1.0"});
        CHECK(first_of(on.put(artefact("r" + std::to_string(i)))) == 2 * i + 1);
    }
}

TEST_CASE("log: an id is spent once, whoever sends it again", "[ledger]") {
    Ledger on;
    on.put(artefact("a")).value();
    CHECK(on.put(artefact("a")).error().code == ErrorCode::id_reused);
    CHECK(on.put(with_nonce("a", "n", "body")).error().code == ErrorCode::id_reused);
    on.open();
    CHECK(on.put(artefact("a")).error().code == ErrorCode::id_reused);
    CHECK(on.log->head()->size() == 1);
}

TEST_CASE("log: the same request with the same nonce gets the same answer, another is refused",
          "[ledger]") {
    Ledger on;
    on.put(with_nonce("a", "n", "body"), "answer a").value();
    for (int start = 0; start < 2; ++start) {
        const auto again = on.put(with_nonce("b", "n", "body"), "answer b").value();
        CHECK(std::get<ledger::Replayed>(again).answers == std::vector<std::string>{"answer a"});
        CHECK(on.put(with_nonce("b", "n", "other"), "answer b").error().code ==
              ErrorCode::nonce_reused);
        on.open();
    }
    CHECK(on.log->head()->size() == 1);
}

TEST_CASE("log: an answer that is not the leaf's is not handed out again", "[ledger]") {
    Ledger on;
    on.put(with_nonce("a", "n", "body"), "answer a").value();
    on.edit("UPDATE answer SET text = 'forged'");
    on.open();
    CHECK(on.put(with_nonce("b", "n", "body"), "answer b").error().code == ErrorCode::nonce_reused);
}

TEST_CASE("log: what repeats within one group is refused as well", "[ledger]") {
    Ledger on;
    const auto outcomes =
        ledger::record(*on.log, {{{{artefact("a"), {}}}}, {{{artefact("a"), {}}}}},
                       base::deadline_in(seconds(10)))
            .value();
    CHECK(outcomes[0].ok());
    CHECK(outcomes[1].error().code == ErrorCode::id_reused);
}

TEST_CASE("log: a state table that was edited is found at the next start, by name", "[ledger]") {
    struct Edit {
        const char* sql;
        const char* told;
    };
    for (const Edit& edit : {
             Edit{"DELETE FROM spent WHERE leaf = 300", "table spent: the row of leaf 300"},
             Edit{"UPDATE spent SET id = x'00112233445566778899aabbccddeeff' WHERE leaf = 7",
                  "table spent: the row of leaf 7"},
             Edit{"INSERT INTO spent VALUES (1000, x'00', NULL)", "table spent: no leaf explains"},
             Edit{"UPDATE setting SET value = 'x' WHERE name = 'colour'",
                  "table setting: no leaf explains the row colour"},
             Edit{"INSERT INTO setting VALUES ('more', 'x', 3)",
                  "table setting: no leaf explains the row more"},
             Edit{"DELETE FROM setting", "table setting"},
             Edit{"UPDATE progress SET spent_sha256 = zeroblob(32)", "table progress"},
             Edit{"UPDATE leaf SET body = CAST(replace(body, 'role.proxy', 'role.issuer') AS BLOB) "
                  "WHERE idx = 9",
                  "leaf 9 is not the one in its tile"},
             Edit{"DELETE FROM leaf WHERE idx = 9", "leaf 9 is missing"},
             Edit{"DELETE FROM tile", "tile/0/000 is missing"},
             Edit{"UPDATE tile SET hashes = zeroblob(8192)", "leaf 0 is not the one in its tile"},
         }) {
        Ledger on;
        on.put(claw::SettingLeaf{"colour", "green"}).value();
        std::vector<ledger::Entry> entries;
        for (int i = 1; i < 400; ++i) {
            entries.push_back({{{artefact("id" + std::to_string(i)), {}}}});
        }
        REQUIRE(ledger::record(*on.log, std::move(entries), base::deadline_in(seconds(10))).ok());
        REQUIRE(on.damage().empty());
        on.edit(edit.sql);
        CAPTURE(edit.sql);
        CHECK_THAT(on.damage(), Catch::Contains(edit.told));
        CHECK(on.put(artefact("late")).error().code == ErrorCode::ledger_damaged);
        CHECK(on.log->ready().error().code == ErrorCode::ledger_damaged);
    }
}

TEST_CASE("log: a state leaf says what the leaves before it make", "[ledger]") {
    Ledger on;
    on.open(10);
    for (int i = 0; i < 25; ++i) {
        on.put(artefact("id" + std::to_string(i))).value();
    }
    CHECK(on.log->head()->size() == 27);  // two more
    CHECK(on.damage().empty());
    // Within the tail no tile holds it, and no checkpoint: only what it says can be wrong.
    on.edit(
        "UPDATE leaf SET body = CAST(replace(body, '\"spent_sha256\":\"', "
        "'\"spent_sha256\":\"' || 'A') AS BLOB) WHERE idx = 10");
    CHECK_THAT(on.damage(), Catch::Contains("leaf 10"));
}

TEST_CASE("log: a file that is removed, replaced or cut off under it stops it within a second",
          "[ledger]") {
    for (const std::string_view what : {"removed", "replaced", "cut off"}) {
        Ledger on;
        on.put(artefact("a")).value();
        const auto file = on.directory / "ledger.db-wal";
        if (what == "removed") {
            std::filesystem::remove(file);
        } else if (what == "replaced") {
            std::filesystem::copy_file(file, on.directory / "copy");
            std::filesystem::rename(on.directory / "copy", file);
        } else {
            std::filesystem::resize_file(file, 100);
        }
        const auto end = base::deadline_in(seconds(1));
        while (on.log->ready().ok() && std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
        CHECK(on.log->ready().error().code == ErrorCode::ledger_damaged);
        CHECK_THAT(on.log->status().why->message, Catch::Contains(std::string(what)));
    }
}

TEST_CASE("log: a file that is cut off is noticed before anything is written behind it",
          "[ledger]") {
    Ledger on;
    on.put(artefact("a")).value();
    std::filesystem::resize_file(on.directory / "ledger.db-wal", 100);
    CHECK(on.put(artefact("b")).error().code == ErrorCode::ledger_damaged);
}

TEST_CASE("log: a ledger that is gone is not begun anew", "[ledger]") {
    Ledger on;
    on.put(artefact("a")).value();
    on.log.reset();
    std::filesystem::remove(on.directory / "ledger.db");
    Log::Options options;
    options.directory = on.directory.path();
    options.clock = &on.clock;
    const auto opened = Log::open(std::move(options));
    CHECK(opened.error().code == ErrorCode::ledger_damaged);
    CHECK_THAT(opened.error().message, Catch::Contains("is gone"));
}

TEST_CASE("log: another program that writes to the database stops it", "[ledger]") {
    Ledger on;
    on.put(artefact("a")).value();
    auto other =
        ledger::Database::open(on.directory / "ledger.db", ledger::Database::Mode::write).value();
    REQUIRE(other.execute("DELETE FROM spent").ok());
    CHECK(on.put(artefact("a")).error().code == ErrorCode::ledger_damaged);
}

TEST_CASE("log: one directory has one ledger", "[ledger]") {
    const Ledger on;
    Log::Options options;
    options.directory = on.directory.path();
    options.clock = &on.clock;
    CHECK(Log::open(std::move(options)).error().code == ErrorCode::io_failed);
}

TEST_CASE("log: a newer version's file is left alone", "[ledger]") {
    Ledger on;
    on.edit("PRAGMA user_version = 99");
    Log::Options options;
    options.directory = on.directory.path();
    options.clock = &on.clock;
    const auto opened = Log::open(std::move(options));
    CHECK(opened.error().code == ErrorCode::ledger_damaged);
    CHECK_THAT(opened.error().message, Catch::Contains("newer"));
}

TEST_CASE("log: a document is there with its entry, under its digest, also after a restart",
          "[ledger]") {
    Ledger on;
    const std::string text(200'000, 'x');
    REQUIRE(on.log->document(crypto::sha256(text)).error().code == ErrorCode::not_found);
    on.put_document(text);
    CHECK(on.log->document(crypto::sha256(text)).value() == text);
    on.open();
    CHECK(on.log->document(crypto::sha256(text)).value() == text);
}

TEST_CASE("log: a document that was changed or taken away is not there, by its digest",
          "[ledger]") {
    Ledger on;
    const auto [sql, what] = GENERATE(table<const char*, std::string>(
        {{"UPDATE document SET body = CAST('other' AS BLOB)", "was changed"},
         {"DELETE FROM document", "is missing"}}));
    on.put_document("text");
    on.edit(sql);
    CHECK(on.damage().empty());
    const Error why = on.log->document(crypto::sha256("text")).error();
    CHECK(why.code == ErrorCode::not_found);
    CHECK(why.message == "the ledger's document " + crypto::sha256_b64u("text") + " " + what);
    on.put_document("text");  // again
    CHECK(on.log->document(crypto::sha256("text")).value() == "text");
}

TEST_CASE("log: a file of version 1 is copied aside and gets its table of documents", "[ledger]") {
    Ledger on;
    on.put(artefact("a")).value();
    on.edit("DROP TABLE document; PRAGMA user_version = 1");
    CHECK(on.damage().empty());
    CHECK(std::filesystem::exists(on.directory / "ledger.db.v1"));
    on.put_document("text");
    CHECK(on.log->document(crypto::sha256("text")).value() == "text");
    CHECK(on.put(artefact("a")).error().code == ErrorCode::id_reused);
}

TEST_CASE("log: its last leaves are stop and state, and then it takes no more", "[ledger]") {
    Ledger on;
    on.put(artefact("a")).value();
    CHECK(on.log->close(base::deadline_in(seconds(10))).value()->size() == 3);
    CHECK(on.put(artefact("b")).error().code == ErrorCode::ledger_blocked);
    CHECK(on.damage().empty());
}

TEST_CASE("log: a client alone never waits for company, and of several half is enough",
          "[ledger]") {
    ledger::Company company;
    CHECK(company.is_enough(1));  // nobody is connected: a test, an admin
    std::vector<ledger::Company::Member> connected;
    for (int i = 0; i < 8; ++i) {
        connected.push_back(company.connect());
    }
    CHECK(company.is_enough(1));  // all others are idle
    auto coming = company.come();
    CHECK_FALSE(company.is_enough(1));
    CHECK_FALSE(company.is_enough(3));
    CHECK(company.is_enough(4));
    coming.leave();
    CHECK(company.is_enough(1));
    auto again = company.come();
    connected.clear();
    CHECK(company.is_enough(1));  // whoever is left cannot be half of anybody
}

TEST_CASE("log: what names it is set once, and who asks again is told where it stands",
          "[ledger]") {
    Ledger on;
    const auto first = on.put(claw::SettingLeaf{"origin", "a.test/log"});
    const auto again = on.put(claw::SettingLeaf{"origin", "a.test/log"});
    CHECK(std::get<ledger::Recorded>(again.value()).first ==
          std::get<ledger::Recorded>(first.value()).first);
    CHECK(on.put(claw::SettingLeaf{"origin", "b.test/log"}).error().code == ErrorCode::internal);
    CHECK(on.log->ready().ok());
    CHECK(on.log->setting("origin") == "a.test/log");
}

TEST_CASE("log: many who are connected do not make one wait for all of them", "[ledger]") {
    ledger::Company company;
    std::vector<ledger::Company::Member> connected;
    for (int i = 0; i < 500; ++i) {
        connected.push_back(company.connect());
    }
    const auto coming = company.come();
    CHECK_FALSE(company.is_enough(15));
    CHECK(company.is_enough(16));
}

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
