#pragma once

#include "support/temp_dir.h"
#include "tpm/tpm_backend.h"

#include <string>
#include <string_view>
#include <sys/types.h>

namespace clawsigner::tests {

/// A software TPM of the test's own (swtpm), in a directory of its own, on a Unix socket. What
/// clawsigner is told of it refuses a TPM of any manufacturer but libtpms'.
class Swtpm {
public:
    static constexpr const char* kManufacturer = "IBM";

    /// With the TPM started, as firmware leaves it.
    Swtpm();
    ~Swtpm() { kill(); }
    Swtpm(const Swtpm&) = delete;
    Swtpm& operator=(const Swtpm&) = delete;

    std::string tcti() const { return "swtpm:path=" + socket().string(); }
    std::filesystem::path socket() const { return dir_ / "sock"; }
    const TempDir& dir() const { return dir_; }
    tpm::TpmSettings settings() const;

    /// Runs a program of tpm2-tools on it, and returns what it printed. Fails the test when it
    /// fails.
    std::string tool(const std::string& words) const;

    /// Takes a persistent object out of it, if there is one.
    void forget_persistent(std::uint32_t handle) const;

    /// As if the machine had lost its power, and had it again.
    void kill();
    void start();
    /// It no longer answers, and does again.
    void pause() const;
    void resume() const;
    /// Another TPM takes its place.
    void replace();

private:
    TempDir dir_;
    std::string state_ = "state";
    pid_t process_ = -1;
};

}  // namespace clawsigner::tests
