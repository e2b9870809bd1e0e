#include "support/softhsm.h"

#include "base/secret.h"
#include "pkcs11/token_setup.h"

#include <cstdlib>

namespace clawsigner::tests {
namespace {

constexpr std::string_view kPin = "1234";

Secret secret(std::string_view text) {
    return Secret::copy_of(base::as_bytes(text)).value();
}

}  // namespace

std::filesystem::path SoftHsm::module() {
    return "/usr/lib/softhsm/libsofthsm2.so";
}

SoftHsm::SoftHsm(NoToken) {
    std::filesystem::create_directory(tokens());
    const auto conf =
        dir_.write("softhsm2.conf", "directories.tokendir = " + tokens().string() +
                                        "\nobjectstore.backend = file\nlog.level = ERROR\n");
    set_pin_file(kPin);
    ::setenv("SOFTHSM2_CONF", conf.c_str(),
             1);  // NOLINT(concurrency-mt-unsafe): before any thread of the test
}

SoftHsm::SoftHsm(std::string_view label) : SoftHsm(no_token) {
    label_ = label;
    initialise_token();
}

void SoftHsm::initialise_token() const {
    if (!pkcs11::initialise_token(module(), label_, secret("so-12345"), secret(kPin)).ok()) {
        std::abort();
    }
}

void SoftHsm::set_pin_file(std::string_view pin) const {
    std::filesystem::remove(pin_file());
    dir_.write("pin", pin, 0400);
}

pkcs11::TokenSettings SoftHsm::settings(const std::filesystem::path& through) const {
    return {through, pkcs11::parse_token_uri("pkcs11:token=" + label_).value(), pin_file(), 4};
}

void SoftHsm::unplug() const {
    std::filesystem::rename(tokens(), dir_ / "unplugged");
}

void SoftHsm::replug() const {
    std::filesystem::rename(dir_ / "unplugged", tokens());
}

}  // namespace clawsigner::tests
