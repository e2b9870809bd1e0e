#include "config/config.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

namespace {

const std::string kGood = R"([server]
directory = "run"

[signing]
timestamp_skew_seconds = 60

[backends.main]
type = "pkcs11"
module = "/usr/lib/softhsm/libsofthsm2.so"
token = "pkcs11:token=t"
pin_file = "../pin"
environment = { SOFTHSM2_CONF = "/x/softhsm2.conf" }

[families.gateway_receipt]
backend = "main"
)";

std::string refusal(const std::string& toml) {
    const auto config = config::parse(toml, "/etc/c.toml");
    return config.ok() ? "accepted" : config.error().message;
}

std::string with(const std::string& from, const std::string& to) {
    std::string text = kGood;
    return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("config: reads what is set and fills in the rest", "[config]") {
    const auto config = config::parse(kGood, "/etc/clawsigner/c.toml").value();
    CHECK(config.server.directory == "/etc/clawsigner/run");
    CHECK(config.server.state_directory == "/var/lib/clawsigner");
    CHECK(config.signing.timestamp_skew == std::chrono::seconds(60));
    CHECK(config.signing.verify_one_in == 1);
    REQUIRE(config.backends.size() == 1);
    CHECK(config.backends[0].name == "main");
    CHECK(config.backends[0].pin_file == "/etc/pin");
    CHECK(config.backends[0].environment.at("SOFTHSM2_CONF") == "/x/softhsm2.conf");
    CHECK(config.backends[0].sessions == 8);
    REQUIRE(config.families.size() == 1);
    CHECK(config.families[0].family.value == "gateway_receipt");
    CHECK(config.families[0].algorithm.value == "ed25519");
}

TEST_CASE("config: every fault has file, line and key", "[config]") {
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {with("directory = \"run\"", "directory = 7"),
         "/etc/c.toml:2: server.directory must be a string"},
        {with("directory = \"run\"", ""), "/etc/c.toml:1: server.directory is missing"},
        {with("directory = \"run\"", "directory = \"run\"\ncolour = 1"),
         "/etc/c.toml:3: server.colour is not a setting"},
        {with("= 60", "= 0"),
         "/etc/c.toml:5: signing.timestamp_skew_seconds must be an integer from 1 to 86400"},
        {with("= 60", "= \"60\""),
         "/etc/c.toml:5: signing.timestamp_skew_seconds must be an integer"},
        {with("\"pkcs11\"", "\"tpm9\""), "/etc/c.toml:8: backends.main.type must be \"pkcs11\""},
        {with("pin_file = \"../pin\"", ""),
         "/etc/c.toml:7: backends.main.pin_file or pin_credential must be set"},
        {with("pin_file = \"../pin\"", "pin_file = \"p\"\npin_credential = \"c\""),
         "backends.main.pin_file or pin_credential"},
        {with("pin_file = \"../pin\"", "pin_credential = \"a/b\""),
         "must be the name of a systemd credential"},
        {with("pin_file = \"../pin\"", "pin = \"1234\"\npin_file = \"p\""),
         "backends.main.pin is not a setting"},
        {with("\"/x/softhsm2.conf\"", "1"), "backends.main.environment must hold strings only"},
        {with("backend = \"main\"", ""), "families.gateway_receipt.backend is missing"},
        {with("[server]", "[server"), "/etc/c.toml:1: "},
        {with("[signing]", "[server]"), "/etc/c.toml:4: "},
        {kGood + "[extra]\n", "extra is not a setting"},
        {"", "server.directory is missing"},
    }));
    INFO(text);
    CHECK_THAT(refusal(text), Catch::Contains(expected));
}

TEST_CASE("config: a file that is not there is named", "[config]") {
    const tests::TempDir dir;
    CHECK_THAT(config::load(dir / "no.toml").error().message, Catch::Contains("no.toml"));
    dir.write("c.toml", kGood);
    CHECK(config::load(dir / "c.toml").value().server.directory == dir / "run");
}

TEST_CASE("config: a TPM, and a family that is sealed to it", "[config]") {
    const std::string text = R"([server]
directory = "/run/clawsigner"
[backends.chip]
type = "tpm"
tcti = "device:/dev/tpmrm0"
pcrs = "sha256:0,7,23"
[families.cst]
backend = "chip"
algorithm = "p256"
[families.checkpoint]
backend = "chip"
mode = "sealed"
)";
    const auto config = config::parse(text, "/etc/c.toml").value();
    const config::BackendConfig& chip = config.backends.at(0);
    CHECK(chip.kind == config::BackendKind::tpm);
    CHECK(chip.tcti == "device:/dev/tpmrm0");
    CHECK(chip.pcrs == std::vector<unsigned>{0, 7, 23});
    CHECK_FALSE(chip.own_process);
    CHECK(config.families.at(0).mode.value == "sealed");
    CHECK(config.families.at(1).mode.value.empty());
    const auto with = [&](const std::string& before, const std::string& after) {
        std::string other = text;
        other.replace(other.find(before), before.size(), after);
        return config::parse(other, "/etc/c.toml");
    };
    for (const char* pcrs : {"sha1:0", "sha256:", "sha256:24", "sha256:7,0", "sha256:0,",
                             "sha256:0,0", "sha256: 0", "0,7", "sha256:-1"}) {
        INFO(pcrs);
        CHECK_THAT(with("sha256:0,7,23", pcrs).error().message,
                   Catch::StartsWith("/etc/c.toml:6: backends.chip.pcrs must be like"));
    }
    // Any library can be named to the loader of TCTIs.
    CHECK_FALSE(with("device:/dev/tpmrm0", "/tmp/evil.so:x").ok());
    CHECK_FALSE(with("type = \"tpm\"", "type = \"tpm\"\nmodule = \"/x\"").ok());
}
