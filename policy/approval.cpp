#include "policy/approval.h"

#include "crypto/sshsig.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

Error invalid(std::string_view why) {
    Error error = Error::at("signature", why);
    error.code = ErrorCode::approval_invalid;
    return error;
}

/// Who has signed it, as far as that can be said without the request.
Result<const Operator*> signer_of(const Operators& operators, const crypto::SshSignature& signature,
                                  UnixMillis now) {
    if (signature.name_space() != kApprovalNamespace) {
        return invalid("is not made in the namespace clawsigner-approval");
    }
    const Operator* const person = operators.with_key(signature.key());
    if (person == nullptr) {
        return invalid("is made with a key that is no operator's");
    }
    if (!may_approve(*person, now)) {
        return invalid("is made with a key that is not valid now, or not for approvals");
    }
    if (signature.lacks_user_presence()) {
        return invalid("is made by a device that nobody touched");
    }
    return person;
}

bool has_approved(const ActRequest& request, const Operator& person) {
    return std::ranges::find(request.approvals, person.principal, &Approval::principal) !=
           request.approvals.end();
}

}  // namespace

Result<Approval> approve(const Operators& operators, const ActRequest& request,
                         std::string_view armored_signature, UnixMillis now) {
    CHECK_OK(check_request(request));
    if (now >= request.expires) {
        return Error(ErrorCode::approval_expired, "the request has expired; make it again");
    }
    const auto signature = crypto::SshSignature::parse(armored_signature);
    if (!signature.ok()) {
        return Error::at("signature", signature.error().message);
    }
    TRY(const Operator* const person, signer_of(operators, *signature, now));
    const std::string message = approval_message(request);
    if (!signature->verifies(base::as_bytes(message), kApprovalNamespace)) {
        return invalid("does not verify: it is over something else than this request's digest");
    }
    if (has_approved(request, *person)) {
        return Error(ErrorCode::approval_repeated, "this operator has approved already");
    }
    if (request.approvals.size() == kMaxApprovals) {
        return invalid("is one more than the 64 that a request holds");
    }
    return Approval{person->principal, person->key.fingerprint(), now};
}

bool is_enough(const Operators& operators, const ActRequest& request, UnixMillis now) {
    const auto has_said_yes = [&](const Operator& person) {
        const std::string fingerprint = person.key.fingerprint();
        return std::ranges::any_of(request.approvals, [&](const Approval& approval) {
            return approval.principal == person.principal && approval.fingerprint == fingerprint &&
                   may_approve(person, approval.at) && may_approve(person, now);
        });
    };
    return now < request.expires && std::ranges::count_if(operators.people(), has_said_yes) >=
                                        static_cast<std::ptrdiff_t>(operators.quorum());
}

}  // namespace clawsigner::policy
