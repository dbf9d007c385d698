/* The page's own style and script (page.css, page.js), made into C by page.awk, and what a browser is told so
 * that it takes nothing else. */
#ifndef SCHEDVIZ_PAGE_H
#define SCHEDVIZ_PAGE_H

extern const char page_style[], page_script[];
extern const char page_style_hash[], page_script_hash[]; /* SHA-256 in base64 */

#endif
