/* Other people's tasks, where all of the machine are watched. */
#ifndef SCHEDVIZ_SESSION_OTHERS_H
#define SCHEDVIZ_SESSION_OTHERS_H

#include "../session.h"

/* Tasks that were there before us never told their names: proc(5) does, once for each. */
void others_name(struct session *session);

#endif
