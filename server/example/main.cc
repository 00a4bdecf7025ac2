// anteroomd with a kind of its own.
#include "server/example/counter.h"
#include "server/run.h"

int main(int argc, char** argv) {
  return anteroom::Run(argc, argv,
                       {{"counter", anteroom::example::MakeCounter}});
}
