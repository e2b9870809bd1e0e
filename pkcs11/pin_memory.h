#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "pkcs11/token.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::pkcs11 {

/// What became of the logins so far, as a small file tells the next process: a token counts wrong
/// PINs across restarts, so whoever spends them must, too. A try is written down before it is made;
/// what is never crossed out again, because the process was killed in the midst of it, counts as
/// one without an answer. Holds neither the PIN nor anything made from it.
///
/// For one store, and one thread at a time. The file's directory must be the daemon's own.
class PinMemory final : public LoginGate {
public:
    /// How many logins in a row may end without a clear answer before a person is waited for: a
    /// token may have counted each of them, and allows three wrong PINs or more.
    static constexpr unsigned kMostUnclear = 2;

    /// `clock` outlives it.
    PinMemory(std::filesystem::path file, const Clock& clock)
        : file_(std::move(file)), clock_(clock) {}

    /// Does it allow a try, as far as is known before one? Errors: pin_held, with since when and
    /// why; io_failed, where the file cannot be read.
    Status standing() const;

    /// As standing(); what it allows is on disk as a try when it returns. Error also: io_failed,
    /// where that cannot be written.
    Status may_log_in() override;
    void login_answered(const Status& answer) override;

    /// A person says that the PIN may be tried again. Error: io_failed.
    Status forget();

private:
    struct Entry {
        bool rejected = false;
        unsigned unclear = 0;  // logins in a row without a clear answer
        UnixMillis since;
        std::string why;  // "C_Login: CKR_PIN_INCORRECT"; empty, while a try has no answer at all
    };

    static std::optional<Entry> parse(std::string_view text);
    static std::string print(const Entry& entry);
    static Status allows(const Entry& entry);
    /// Nothing, when the last login succeeded or none was ever made.
    Result<std::optional<Entry>> read() const;
    Status write(const Entry& entry) const;

    std::filesystem::path file_;
    const Clock& clock_;
};

}  // namespace clawsigner::pkcs11
