#include "faulttpm.h"

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>
#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>

namespace {

constexpr std::uint64_t kMagic = 0x6661756c7474706dULL;
constexpr std::size_t kHeader = 10;        // tag, size, code
constexpr std::size_t kParameters = 14;    // where they begin, behind their size
constexpr std::uint8_t kWithSessions = 2;  // the tag's second byte

struct Plan {
    std::uint32_t command = 0;
    unsigned skip = 0;
    FaultEffect effect = fault_none;
    std::uint32_t response = 0;
    bool fired = false;
};

std::mutex mutex;
std::condition_variable changed;
Plan plan;
std::map<std::uint32_t, unsigned> sent;

struct Context {
    TSS2_TCTI_CONTEXT_COMMON_V1 common;
    TSS2_TCTI_CONTEXT* inner;
    FaultEffect due;
    std::uint32_t response;
};

Context& of(TSS2_TCTI_CONTEXT* tcti) {
    return *reinterpret_cast<Context*>(tcti);
}

/// The header's macros would cast as C does.
const TSS2_TCTI_CONTEXT_COMMON_V1& functions_of(const Context& context) {
    return *reinterpret_cast<const TSS2_TCTI_CONTEXT_COMMON_V1*>(context.inner);
}

std::uint32_t big_endian(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 24U | std::uint32_t{at[1]} << 16U | std::uint32_t{at[2]} << 8U |
           std::uint32_t{at[3]};
}

TSS2_RC transmit(TSS2_TCTI_CONTEXT* tcti, std::size_t size, const std::uint8_t* command) {
    Context& context = of(tcti);
    context.due = fault_none;
    {
        std::unique_lock lock(mutex);
        const std::uint32_t code = size >= kHeader ? big_endian(command + 6) : 0;
        ++sent[code];
        if (plan.effect != fault_none && !plan.fired && plan.command == code) {
            if (plan.skip > 0) {
                --plan.skip;
            } else {
                plan.fired = true;
                context.due = plan.effect;
                context.response = plan.response;
                changed.notify_all();
            }
        }
        if (context.due == fault_hang) {
            changed.wait(lock, [] { return plan.effect != fault_hang; });
        }
    }
    if (context.due == fault_return || context.due == fault_garbage) {
        return TSS2_RC_SUCCESS;
    }
    return functions_of(context).transmit(context.inner, size, command);
}

TSS2_RC receive(TSS2_TCTI_CONTEXT* tcti, std::size_t* size, std::uint8_t* response,
                std::int32_t timeout) {
    Context& context = of(tcti);
    if (context.due == fault_return || context.due == fault_garbage) {
        if (response == nullptr) {
            *size = kHeader;
            return TSS2_RC_SUCCESS;
        }
        const std::uint32_t rc = context.response;
        const std::array<std::uint8_t, kHeader> answer{
            0x80,
            0x01,
            0,
            0,
            0,
            context.due == fault_garbage ? std::uint8_t{0xFF} : std::uint8_t{kHeader},
            static_cast<std::uint8_t>(rc >> 24U),
            static_cast<std::uint8_t>(rc >> 16U),
            static_cast<std::uint8_t>(rc >> 8U),
            static_cast<std::uint8_t>(rc)};
        std::copy(answer.begin(), answer.end(), response);
        *size = kHeader;
        context.due = fault_none;
        return TSS2_RC_SUCCESS;
    }
    const TSS2_RC rc = functions_of(context).receive(context.inner, size, response, timeout);
    if (rc != TSS2_RC_SUCCESS || response == nullptr) {
        return rc;
    }
    if (context.due == fault_cut) {
        context.due = fault_none;
        return TSS2_TCTI_RC_IO_ERROR;
    }
    if (context.due == fault_corrupt && *size > kParameters && response[1] == kWithSessions) {
        context.due = fault_none;
        const std::size_t end = kParameters + big_endian(response + kHeader);
        response[end - 1] = static_cast<std::uint8_t>(response[end - 1] ^ 1U);
    }
    return rc;
}

void finalize(TSS2_TCTI_CONTEXT* tcti) {
    Tss2_TctiLdr_Finalize(&of(tcti).inner);
}

TSS2_RC cancel(TSS2_TCTI_CONTEXT*) {
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

TSS2_RC poll_handles(TSS2_TCTI_CONTEXT*, TSS2_TCTI_POLL_HANDLE*, std::size_t*) {
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

TSS2_RC set_locality(TSS2_TCTI_CONTEXT* tcti, std::uint8_t locality) {
    return functions_of(of(tcti)).setLocality(of(tcti).inner, locality);
}

TSS2_RC init(TSS2_TCTI_CONTEXT* tcti, std::size_t* size, const char* configuration) {
    if (tcti == nullptr) {
        *size = sizeof(Context);
        return TSS2_RC_SUCCESS;
    }
    Context& context = of(tcti);
    context = {};
    context.common.magic = kMagic;
    context.common.version = 1;
    context.common.transmit = transmit;
    context.common.receive = receive;
    context.common.finalize = finalize;
    context.common.cancel = cancel;
    context.common.getPollHandles = poll_handles;
    context.common.setLocality = set_locality;
    return Tss2_TctiLdr_Initialize(configuration, &context.inner);
}

const TSS2_TCTI_INFO kInfo{1, "faulttpm", "a TCTI that lets commands go wrong",
                           "another TCTI and its configuration", init};

}  // namespace

extern "C" {

const TSS2_TCTI_INFO* Tss2_Tcti_Info(void) {
    return &kInfo;
}

void faulttpm_plan(std::uint32_t command, unsigned skip, FaultEffect effect,
                   std::uint32_t response) {
    const std::lock_guard lock(mutex);
    plan = {command, skip, effect, response, false};
    changed.notify_all();
}

void faulttpm_reset() {
    const std::lock_guard lock(mutex);
    plan = {};
    changed.notify_all();
}

bool faulttpm_fired() {
    const std::lock_guard lock(mutex);
    return plan.fired;
}

unsigned faulttpm_sent(std::uint32_t command) {
    const std::lock_guard lock(mutex);
    return sent[command];
}
}
