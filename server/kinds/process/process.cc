#include "server/kinds/process/process.h"

#include "server/kinds/process/process_object.h"

namespace anteroom::kinds {

lifecycle::Hooks Process::hooks() const {
  lifecycle::Hooks hooks;
  hooks.init = true;
  hooks.exit = true;
  hooks.close = true;
  hooks.check = true;
  return hooks;
}

std::unique_ptr<lifecycle::Object> Process::Construct(
    const lifecycle::InstanceInfo& info, lifecycle::InstanceContext& context) {
  return std::make_unique<ProcessObject>(runtime_, *host_, parameters_, info,
                                         context);
}

}  // namespace anteroom::kinds
