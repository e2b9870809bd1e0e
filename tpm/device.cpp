#include "tpm/device.h"

#include "crypto/digest.h"
#include "crypto/random.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace clawsigner::tpm {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(2);
constexpr auto kLongestPause = std::chrono::milliseconds(100);

}  // namespace

Result<std::unique_ptr<Device>> Device::open(const Settings& settings, Fence fence) {
    std::unique_ptr<Device> device(new Device(settings));
    TRY(device->stack_, Stack::open(settings.tcti, std::move(fence)));
    CHECK_OK(device->start());
    CHECK_OK(device->describe());
    CHECK_OK(device->put_out_strangers());
    CHECK_OK(device->find_srk());
    return device;
}

Status Device::call(std::string_view name, const std::function<TSS2_RC()>& command) {
    auto pause = kFirstPause;
    for (;;) {
        if (stack_->fenced()) {
            return Error(ErrorCode::hsm_down, "nobody waits for this call any more");
        }
        Status done = check(name, command());
        if (done.ok()) {
            return done;
        }
        const Remedy remedy = remedy_of(done.error());
        const bool again = remedy == Remedy::retry || (remedy == Remedy::room && make_room());
        if (!again || std::chrono::steady_clock::now() + pause > deadline_) {
            return done;
        }
        if (remedy == Remedy::retry) {
            std::this_thread::sleep_for(pause);
            pause = std::min(2 * pause, std::chrono::milliseconds(kLongestPause));
        }
    }
}

/// The key that was not used for longest is loaded again when it is next asked for.
bool Device::make_room() {
    Key* oldest = nullptr;
    for (auto& [id, key] : keys_) {
        if (key.loaded && &key != in_use_ && (oldest == nullptr || key.used < oldest->used)) {
            oldest = &key;
        }
    }
    if (oldest != nullptr) {
        oldest->loaded.flush();
    }
    return oldest != nullptr;
}

Result<BootState> Device::boot_state(const std::vector<unsigned>& pcrs) {
    return current_boot_state(esys(), pcrs);
}

Result<Bytes> Device::random(std::size_t size) {
    TPM2B_DIGEST* raw = nullptr;
    CHECK_OK(call("TPM2_GetRandom", [&] {
        return Esys_GetRandom(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              static_cast<UINT16>(size), &raw);
    }));
    const EsysPtr<TPM2B_DIGEST> got(raw);
    if (got->size != size) {
        return error_from("TPM2_GetRandom", TSS2_ESYS_RC_MALFORMED_RESPONSE);
    }
    Bytes bytes(got->buffer, got->buffer + got->size);
    base::wipe_bytes(got->buffer);
    return bytes;
}

Result<Secret> Device::seed() {
    TRY(Bytes of_tpm, random(crypto::Sha256().size()));
    TRY(Secret seed, Secret::zeroed(of_tpm.size()));
    const std::span<std::uint8_t> bytes = seed.expose_mutable();
    CHECK_OK(crypto::fill_random(bytes));
    std::ranges::transform(bytes, of_tpm, bytes.begin(),
                           [](std::uint8_t a, std::uint8_t b) -> std::uint8_t { return a ^ b; });
    base::wipe_bytes(of_tpm);
    return seed;
}

void Device::close() {
    keys_.clear();
    if (!has_resource_manager(settings_.tcti)) {
        Esys_Shutdown(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR);
    }
}

}  // namespace clawsigner::tpm
