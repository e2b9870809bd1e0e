#pragma once

#include "base/result.h"
#include "crypto/key_forms.h"
#include "daemon/http.h"
#include "service/approvals.h"
#include "service/decide_call.h"
#include "service/issue_token.h"
#include "service/keys.h"
#include "service/readiness.h"
#include "service/receipt_batch.h"
#include "service/sign_receipt.h"
#include "service/status.h"

#include <vector>

/// Typed answers as the JSON of docs/api/openapi.yaml.
namespace clawsigner::daemon {

/// The HTTP status that fits a code.
unsigned http_status(ErrorCode code) noexcept;

/// {"code","rule"?,"field"?,"message"}
std::string error_text(const Error& error);

/// {"error":{"code","rule"?,"field"?,"message"}} with its status.
Answer error_answer(const Error& error);

Answer receipt_answer(const service::SignedReceipt& receipt);
Answer batch_answer(const service::ReceiptBatch& batch);
Answer decision_answer(const service::Decided& decided);
Answer token_answer(const service::IssuedToken& token);
Answer readiness_answer(const service::Readiness& readiness);
Answer status_answer(const service::StatusReport& report);
Answer backend_answer(const service::BackendReport& report);
Answer key_list_answer(const service::KeyList& list);
Answer discarded_answer(const std::vector<service::UnusableKeyView>& keys);
Answer key_answer(unsigned status, const service::KeyView& view);
Answer family_answer(const service::FamilyView& view);
/// An act that waits for operators, or does not any more; and the document it is about.
Answer request_answer(unsigned status, const policy::ActRequest& request,
                      const std::optional<std::string>& document = std::nullopt);
Answer requests_answer(const std::vector<policy::ActRequest>& requests);
Answer approved_answer(const service::Approvals::Approved& approved);
Answer operators_answer(const policy::Operators& operators);
/// 202 with the request, or the error that kept it from being filed.
Answer filed_answer(const Result<policy::ActRequest>& request);

}  // namespace clawsigner::daemon
