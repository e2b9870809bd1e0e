#include "service/decision_seal.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace clawsigner;

namespace {

service::AllowedCall allowed() {
    return {std::string(43, 'A'),
            {"openai", "gpt \"4\"", "github", "api.github.com"},
            std::string(43, 'A'),
            UnixMillis(std::chrono::milliseconds(1767225600123)),
            1767225900};
}

}  // namespace

TEST_CASE("decision seal: reads back what it sealed", "[service]") {
    const service::DecisionSeal seal(crypto::MacKey::random().value());
    const auto read = seal.open_id(seal.seal(allowed())).value();
    CHECK(read.cst_sha256 == allowed().cst_sha256);
    CHECK(read.call.provider == "openai");
    CHECK(read.call.model == "gpt \"4\"");
    CHECK(read.call.tool == "github");
    CHECK(read.call.host == "api.github.com");
    CHECK(read.policy_hash == allowed().policy_hash);
    CHECK(read.at == allowed().at);
    CHECK(read.valid_until == allowed().valid_until);
}

TEST_CASE("decision seal: a changed, cut or foreign id is none", "[service]") {
    const service::DecisionSeal seal(crypto::MacKey::random().value());
    const service::DecisionSeal another(crypto::MacKey::random().value());
    const std::string id = seal.seal(allowed());
    CHECK(another.open_id(id).error().rule == "decision.invalid");
    for (std::size_t i = 0; i < id.size(); ++i) {
        std::string changed = id;
        changed[i] = changed[i] == 'x' ? 'y' : 'x';
        CHECK_FALSE(seal.open_id(changed).ok());
        CHECK_FALSE(seal.open_id(id.substr(0, i)).ok());
    }
    CHECK_FALSE(seal.open_id(id + "A").ok());
    CHECK_FALSE(seal.open_id(std::string(9'000, 'A')).ok());
}

TEST_CASE("decision seal: its key stays in a file that only its owner can read", "[service]") {
    const tests::TempDir directory;
    const auto file = directory / "decision.key";
    const auto first = service::DecisionSeal::open(file).value();
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::mask) ==
          std::filesystem::perms::owner_read);
    const auto again = service::DecisionSeal::open(file).value();
    CHECK(again.open_id(first.seal(allowed())).ok());
}
