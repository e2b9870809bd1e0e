#pragma once

#include "pkcs11/token_settings.h"
#include "support/temp_dir.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace clawsigner::tests {

/// A SoftHSM2 token of the test's own, in a directory of its own. SoftHSM reads its configuration
/// once per C_Initialize from one environment variable, so one process works with one SoftHsm at a
/// time.
class SoftHsm {
public:
    /// With a token of this label, initialised, PIN "1234"; or with no token at all.
    explicit SoftHsm(std::string_view label = "test");
    enum NoToken { no_token };
    explicit SoftHsm(NoToken);

    pkcs11::TokenSettings settings(const std::filesystem::path& through = module()) const;
    std::filesystem::path tokens() const { return dir_ / "tokens"; }
    std::filesystem::path pin_file() const { return dir_ / "pin"; }
    const TempDir& dir() const { return dir_; }
    static std::filesystem::path module();

    void initialise_token() const;
    /// Replaces the PIN file's content.
    void set_pin_file(std::string_view pin) const;

    /// As if the device had been pulled out, and put back.
    void unplug() const;
    void replug() const;

private:
    TempDir dir_;
    std::string label_ = "test";
};

}  // namespace clawsigner::tests
