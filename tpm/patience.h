#pragma once

#include "tpm/device.h"
#include "tpm/tpm_backend.h"

#include <functional>
#include <utility>

namespace clawsigner::tpm {

template <class T>
Result<T> TpmBackend::patiently(Owner& owner, std::function<Result<T>(Owner::Slot&)> work) const {
    const Deadline deadline = base::deadline_in(settings_.open_timeout);
    return owner.call<T>(Lane::middle, deadline, settings_.open_timeout,
                         [deadline, work = std::move(work)](Owner::Slot& slot) {
                             if (slot != nullptr) {
                                 slot->be_done_by(deadline);
                             }
                             return work(slot);
                         });
}

}  // namespace clawsigner::tpm
