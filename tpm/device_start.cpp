#include "tpm/device.h"
#include "tpm/templates.h"

#include <tss2/tss2_sys.h>

/// How a TPM is met: started, described, cleared of what others left, and its storage root key
/// found.
namespace clawsigner::tpm {
namespace {

constexpr std::uint32_t kInLockout = 1U << 9U;  // TPMA_PERMANENT (Part 2, section 8.6)

/// Four characters of a property, without what fills them up.
std::string text_of(std::uint32_t property) {
    std::string text;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        const auto character = static_cast<char>((property >> shift) & 0xFFU);
        if (character > ' ' && character <= '~') {
            text.push_back(character);
        }
    }
    return text;
}

std::string version_of(std::uint32_t high, std::uint32_t low) {
    return std::to_string(high >> 16U) + "." + std::to_string(high & 0xFFFFU) + "." +
           std::to_string(low >> 16U) + "." + std::to_string(low & 0xFFFFU);
}

Error needs_owner(Error error) {
    if (remedy_of(error) == Remedy::object) {
        error.code = ErrorCode::device_auth;
        error.message.append(
            ": the owner hierarchy has an auth value; whoever has it makes the storage root key: "
            "tpm2_createprimary -C o -P AUTH -G ecc -c srk.ctx, then tpm2_evictcontrol -C o -P "
            "AUTH -c srk.ctx 0x81000001");
    }
    return error;
}

}  // namespace

/// TPM_RC_INITIALIZE: somebody has started it already, as firmware does.
Status Device::start() {
    if (has_resource_manager(settings_.tcti)) {
        return Status::done();
    }
    return call("TPM2_Startup", [&] {
        const TSS2_RC rc = Esys_Startup(esys(), TPM2_SU_CLEAR);
        return rc == TPM2_RC_INITIALIZE ? TSS2_RC_SUCCESS : rc;
    });
}

Result<std::uint32_t> Device::property(std::uint32_t which) {
    TPMS_CAPABILITY_DATA* raw = nullptr;
    CHECK_OK(call("TPM2_GetCapability", [&] {
        return Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                  TPM2_CAP_TPM_PROPERTIES, which, 1, nullptr, &raw);
    }));
    const EsysPtr<TPMS_CAPABILITY_DATA> data(raw);
    const TPML_TAGGED_TPM_PROPERTY& found = data->data.tpmProperties;
    // The TPM answers with what comes next when it does not have this one.
    return found.count > 0 && found.tpmProperty[0].property == which ? found.tpmProperty[0].value
                                                                     : 0;
}

Status Device::describe() {
    TRY(const std::uint32_t manufacturer, property(TPM2_PT_MANUFACTURER));
    if (settings_.only_manufacturer && text_of(manufacturer) != *settings_.only_manufacturer) {
        return Error(ErrorCode::device_changed, "this is a TPM of manufacturer " +
                                                    text_of(manufacturer) + ", not of " +
                                                    *settings_.only_manufacturer);
    }
    TRY(const std::uint32_t first, property(TPM2_PT_VENDOR_STRING_1));
    TRY(const std::uint32_t second, property(TPM2_PT_VENDOR_STRING_2));
    TRY(const std::uint32_t high, property(TPM2_PT_FIRMWARE_VERSION_1));
    TRY(const std::uint32_t low, property(TPM2_PT_FIRMWARE_VERSION_2));
    TRY(const std::uint32_t permanent, property(TPM2_PT_PERMANENT));
    description_ = "TPM 2.0 of " + text_of(manufacturer) + " (" + text_of(first) + text_of(second) +
                   "), firmware " + version_of(high, low) +
                   ((permanent & kInLockout) != 0 ? ", in dictionary attack lockout" : "");
    return Status::done();
}

/// Where nothing shares the TPM's memory, a process that died has left in it what it had.
Status Device::put_out_strangers() {
    if (has_resource_manager(settings_.tcti)) {
        return Status::done();
    }
    CHECK_OK(put_out(TPM2_TRANSIENT_FIRST));
    return put_out_sessions();
}

/// Also those that are saved: the oldest of them, left behind by whoever died, keeps the TPM from
/// beginning new ones after some ten thousand (Part 1, section 30.5).
Status Device::put_out_sessions() {
    if (has_resource_manager(settings_.tcti)) {
        return Status::done();
    }
    CHECK_OK(put_out(TPM2_LOADED_SESSION_FIRST));
    return put_out(TPM2_ACTIVE_SESSION_FIRST);
}

Status Device::put_out(std::uint32_t first) {
    TSS2_SYS_CONTEXT* sys = nullptr;
    CHECK_OK(check("Esys_GetSysContext", Esys_GetSysContext(esys(), &sys)));
    TPMS_CAPABILITY_DATA* raw = nullptr;
    CHECK_OK(call("TPM2_GetCapability", [&] {
        return Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                  TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES, nullptr, &raw);
    }));
    const EsysPtr<TPMS_CAPABILITY_DATA> data(raw);
    const TPML_HANDLE& found = data->data.handles;
    for (UINT32 i = 0; i < found.count; ++i) {
        const TPM2_HANDLE handle = found.handle[i];
        CHECK_OK(call("TPM2_FlushContext", [&] { return Tss2_Sys_FlushContext(sys, handle); }));
    }
    return Status::done();
}

bool Device::clear_gap(const Error& error) {
    return plain_code(static_cast<std::uint32_t>(error.native)) == TPM2_RC_CONTEXT_GAP &&
           !has_resource_manager(settings_.tcti) && put_out_sessions().ok();
}

Result<Flushed> Device::create_srk() {
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_PUBLIC wanted = srk_template();
    const TPM2B_DATA no_data{};
    const TPML_PCR_SELECTION no_pcrs{};
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(call("TPM2_CreatePrimary", [&] {
        return Esys_CreatePrimary(esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                  ESYS_TR_NONE, &sensitive, &wanted, &no_data, &no_pcrs, &raw,
                                  nullptr, nullptr, nullptr, nullptr);
    }));
    return Flushed(*stack_, raw);
}

Status Device::adopt_srk(const TPM2B_PUBLIC& key) {
    if (!is_storage_key(key)) {
        return Error(ErrorCode::device_changed,
                     "what is at the handle of the storage root key is no storage key of this TPM");
    }
    TRY(srk_name_, name_of(key));
    return Status::done();
}

/// Error: hsm_down and others; TPM_RC_HANDLE, when there is none.
Status Device::find_persistent() {
    return call("TPM2_ReadPublic", [&] {
        return Esys_TR_FromTPMPublic(esys(), settings_.srk, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &srk_);
    });
}

Status Device::make_srk() {
    TRY(const Flushed primary, create_srk());
    return call("TPM2_EvictControl", [&] {
        return Esys_EvictControl(esys(), ESYS_TR_RH_OWNER, primary.get(), ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE, settings_.srk, &srk_);
    });
}

Status Device::find_srk() {
    Status found = find_persistent();
    if (!found.ok() &&
        plain_code(static_cast<std::uint32_t>(found.error().native)) == TPM2_RC_HANDLE) {
        found = make_srk();
        if (!found.ok()) {
            return needs_owner(found.error());
        }
    }
    CHECK_OK(std::move(found));
    TPM2B_PUBLIC* raw = nullptr;
    CHECK_OK(call("TPM2_ReadPublic", [&] {
        return Esys_ReadPublic(esys(), srk_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &raw,
                               nullptr, nullptr);
    }));
    const EsysPtr<TPM2B_PUBLIC> area(raw);
    return adopt_srk(*area);
}

}  // namespace clawsigner::tpm
