// anteroomd.
#include "server/run.h"

int main(int argc, char** argv) { return anteroom::Run(argc, argv); }
