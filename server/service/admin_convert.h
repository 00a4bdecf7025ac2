// What operators are shown, as the wire's messages.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_SERVICE_ADMIN_CONVERT_H_
#define ANTEROOM_SERVER_SERVICE_ADMIN_CONVERT_H_

#include "anteroom/v1/admin_service.pb.h"
#include "anteroom/v1/config.pb.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/policy.h"

namespace anteroom::service {

v1::Instance ToProto(const lifecycle::InstanceView& instance);

// Every field is set, but for durations that are infinite, and for
// max_instances where it is a keyed resource's unlimited: configuring the
// answer gives the same policy.
v1::Policy ToProto(const lifecycle::Policy& policy);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_ADMIN_CONVERT_H_
