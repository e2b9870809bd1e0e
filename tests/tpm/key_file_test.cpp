#include "tpm/key_file.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

namespace {

tpm::KeyFile some_key() {
    return {tpm::KeyFile::Kind::loadable, 0x81000001, Bytes(80, 1), Bytes(160, 2)};
}

}  // namespace

TEST_CASE("tpm key file: what is written is read, of either kind", "[tpm]") {
    tpm::KeyFile key = some_key();
    CHECK(tpm::parse_key_file(tpm::key_file_text(key)).value() == key);
    key.kind = tpm::KeyFile::Kind::sealed;
    CHECK(tpm::parse_key_file(tpm::key_file_text(key)).value() == key);
    CHECK_THAT(tpm::key_file_text(key), Catch::StartsWith("-----BEGIN TSS2 PRIVATE KEY-----\n"));
}

TEST_CASE("tpm key file: nothing but exactly what was written is taken", "[tpm]") {
    const std::string text = tpm::key_file_text(some_key());
    CHECK_FALSE(tpm::parse_key_file("").ok());
    CHECK_FALSE(tpm::parse_key_file(text + "\n").ok());
    CHECK_FALSE(tpm::parse_key_file(" " + text).ok());
    CHECK_FALSE(tpm::parse_key_file(text + text).ok());
    CHECK_FALSE(tpm::parse_key_file(std::string(tpm::kMaxKeyFile + 1, 'A')).ok());
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        CHECK_FALSE(tpm::parse_key_file(text.substr(0, cut)).ok());
    }
    std::string other = text;
    other.replace(other.find("TSS2"), 4, "RSA2");
    CHECK_FALSE(tpm::parse_key_file(other).ok());
}
