#pragma once

/// Where a packaged daemon listens: what the commands talk to unless they are told another.
namespace clawsigner::cli {

inline constexpr const char* kProxySocket = "/run/clawsigner/proxy.sock";
inline constexpr const char* kIssuerSocket = "/run/clawsigner/issuer.sock";
inline constexpr const char* kAdminSocket = "/run/clawsigner/admin.sock";
inline constexpr const char* kObserveSocket = "/run/clawsigner/observe.sock";

}  // namespace clawsigner::cli
