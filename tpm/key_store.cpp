#include "tpm/key_store.h"

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/random.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/stat.h>

namespace clawsigner::tpm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKeyEnding = ".pem";
constexpr std::string_view kAuthEnding = ".auth";
constexpr std::string_view kSrkName = "srk.name";
constexpr std::size_t kMaxFiles = 4096;
constexpr mode_t kSecretMode = 0400;
constexpr mode_t kKeyMode = 0600;

/// "gateway_receipt.1.0123456789abcdef"
struct Stem {
    hsm::KeyName name;
    hsm::KeyId id;
};

std::string stem_of(const hsm::KeyName& name, const hsm::KeyId& id) {
    return std::string(crypto::family_name(name.family))
        .append(".")
        .append(std::to_string(name.version))
        .append(".")
        .append(id.text());
}

std::optional<Stem> parse_stem(const std::string& stem) {
    const std::size_t first = stem.find('.');
    const std::size_t last = stem.rfind('.');
    if (first == std::string::npos || first == last) {
        return std::nullopt;
    }
    const auto name = hsm::parse_key_label("clawsigner/" + stem.substr(0, first) + "/" +
                                           stem.substr(first + 1, last - first - 1));
    const auto id = hsm::KeyId::parse(stem.substr(last + 1));
    return name && id.ok() ? std::optional(Stem{*name, *id}) : std::nullopt;
}

Error failed(const std::string& what) {
    return Error::from_errno(what, errno);
}

hsm::UnusableKey unusable(const Stem& stem, Error why) {
    return {stem.id.text(), hsm::key_label(stem.name), std::move(why)};
}

Error without_path(const Error& error, std::string_view what) {
    return {
        error.code == ErrorCode::io_failed ? ErrorCode::key_missing : ErrorCode::key_quarantined,
        std::string(what)};
}

}  // namespace

Result<Secret> KeyStore::new_auth(ByteView more) {
    std::array<std::uint8_t, 32> seed{};
    CHECK_OK(crypto::fill_random(seed));
    Bytes mixed(seed.begin(), seed.end());
    mixed.insert(mixed.end(), more.begin(), more.end());
    auto digest = crypto::sha256(mixed);
    std::string digits = base::hex_encode(ByteView(digest).first(16));
    auto auth = Secret::copy_of(base::as_bytes(digits));
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(digits.data()), digits.size()});
    base::wipe_bytes(digest);
    base::wipe_bytes(mixed);
    base::wipe_bytes(seed);
    return auth;
}

Result<KeyStore::Contents> KeyStore::read() const {
    CHECK_OK(base::make_directories_durably(directory_));
    if (::chmod(directory_.c_str(), S_IRWXU) != 0) {
        return failed("cannot keep the directory of the TPM's keys to ourselves");
    }
    std::error_code error;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
        found.push_back(entry.path());
    }
    if (error || found.size() > kMaxFiles) {
        return Error(ErrorCode::io_failed, "cannot read the directory of the TPM's keys");
    }
    std::ranges::sort(found);
    Contents contents;
    for (const fs::path& path : found) {
        CHECK_OK(read_one(path, contents));
    }
    return contents;
}

Status KeyStore::read_one(const fs::path& path, Contents& into) const {
    const auto stem = parse_stem(path.stem().string());
    if (!stem) {
        return Status::done();  // none of ours
    }
    if (path.extension() == kAuthEnding) {
        fs::path key = path;
        if (!fs::exists(key.replace_extension(kKeyEnding))) {
            into.unusable.push_back(
                unusable(*stem, Error(ErrorCode::key_missing, "only its auth value is there")));
        }
        return Status::done();
    }
    if (path.extension() != kKeyEnding) {
        return Status::done();
    }
    TRY(const auto text, base::read_own_file(path, kMaxKeyFile));
    const auto file = parse_key_file(text.value_or(""));
    fs::path auth_path = path;
    auto auth = base::read_secret_file(auth_path.replace_extension(kAuthEnding));
    if (!file.ok()) {
        into.unusable.push_back(unusable(
            *stem, Error(ErrorCode::key_quarantined, "its key file " + file.error().message)));
    } else if (!auth.ok()) {
        into.unusable.push_back(
            unusable(*stem, without_path(auth.error(), "its auth value cannot be read")));
    } else {
        into.keys.push_back(
            {stem->id, stem->name, *file, std::make_shared<const Secret>(std::move(auth).value())});
    }
    return Status::done();
}

Status KeyStore::keep(const Kept& key) const {
    const fs::path stem = directory_ / stem_of(key.name, key.id);
    // The auth value first: a key file stands only beside it.
    CHECK_OK(base::write_file_durably(stem.string() + std::string(kAuthEnding),
                                      key.auth->expose_c_str(), kSecretMode));
    return base::write_file_durably(stem.string() + std::string(kKeyEnding),
                                    key_file_text(key.file), kKeyMode);
}

Status KeyStore::erase(const std::string& id) const {
    std::error_code error;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
        const auto stem = parse_stem(entry.path().stem().string());
        if (stem && stem->id.text() == id) {
            found.push_back(entry.path());
        }
    }
    if (error) {
        return Error(ErrorCode::io_failed, "cannot read the directory of the TPM's keys");
    }
    std::ranges::sort(found);  // the auth value first
    for (const fs::path& path : found) {
        if (!base::overwrite_with_zeros(path).ok()) {
            return Error(ErrorCode::io_failed, "cannot overwrite a key's file");
        }
        CHECK_OK(base::remove_file_durably(path));
    }
    return Status::done();
}

Status KeyStore::recognise(ByteView srk_name) const {
    const fs::path path = directory_ / kSrkName;
    TRY(const auto known, base::read_own_file(path, kMaxKeyFile));
    const std::string name = base::hex_encode(srk_name) + "\n";
    if (!known) {
        return base::write_file_durably(path, name, kKeyMode);
    }
    return *known == name
               ? Status::done()
               : Status(Error(ErrorCode::device_changed,
                              "another TPM is in its place, or it was cleared: its storage root "
                              "key is not the one that the keys are under"));
}

}  // namespace clawsigner::tpm
