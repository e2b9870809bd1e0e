#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "hsm/backend.h"
#include "tpm/boot.h"
#include "tpm/key_file.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::tpm {

/// The files of one TPM's keys, in a directory of the daemon's own (mode 0700): of each key
/// FAMILY.VERSION.ID.pem, what the TPM gave out of it, and FAMILY.VERSION.ID.auth, its auth value.
/// Both are needed to use it, and only in that TPM. One thread at a time.
class KeyStore {
public:
    explicit KeyStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

    struct Kept {
        hsm::KeyId id;
        hsm::KeyName name;
        KeyFile file;
        std::shared_ptr<const Secret> auth;
    };
    struct Contents {
        std::vector<Kept> keys;
        std::vector<hsm::UnusableKey> unusable;  // files that are no whole key
    };
    /// Error: io_failed.
    Result<Contents> read() const;

    /// The auth value of a new key: 32 hex digits, from the system's randomness and `more`.
    static Result<Secret> new_auth(ByteView more);

    /// Durable when it returns. Error: io_failed.
    Status keep(const Kept& key) const;

    /// Overwrites and removes the files of that id; done when there are none. Error: io_failed.
    Status erase(const std::string& id) const;

    /// The name of the storage root key that the keys are under: remembered when it is first seen.
    /// Errors: device_changed, when another was; io_failed.
    Status recognise(ByteView srk_name) const;

private:
    Status read_one(const std::filesystem::path& file, Contents& into) const;

    std::filesystem::path directory_;
};

}  // namespace clawsigner::tpm
