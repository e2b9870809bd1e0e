#pragma once

#include <cstdint>

/// faulttpm: a TCTI that passes every command to another one and, when it is told to, lets one go
/// wrong. Loaded by its path, with the other TCTI as its configuration:
/// "/…/libfaulttpm.so:swtpm:path=/…/sock". Told by whoever is in the same process.
extern "C" {

enum FaultEffect {
    fault_none,
    fault_return,   // the TPM is not asked; the answer is a response code
    fault_hang,     // the command is not sent before faulttpm_reset
    fault_cut,      // the command is sent, and the connection lost before the answer
    fault_corrupt,  // one bit of the answer's parameters is wrong
    fault_garbage,  // the answer is no answer
};

/// From now on: not the first `skip` commands of this code, but the one after those.
void faulttpm_plan(std::uint32_t command, unsigned skip, FaultEffect effect,
                   std::uint32_t response);
void faulttpm_reset();
/// Has what was planned happened?
bool faulttpm_fired();
/// How often this command was sent, or would have been.
unsigned faulttpm_sent(std::uint32_t command);
}
