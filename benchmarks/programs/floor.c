/* Walks a tree and lstats everything in it, as fast as C does: no walk can do with less. */
#include <sys/types.h>
#include <sys/stat.h>
#include <fts.h>
#include <stdio.h>

int main(int count, char **words)
{
    FTS *tree = count > 1 ? fts_open(words + 1, FTS_PHYSICAL, NULL) : NULL;
    FTSENT *entry;
    long seen = 0;

    if (tree == NULL)
        return 1;
    while ((entry = fts_read(tree)) != NULL)
        seen += entry->fts_info != FTS_DP && entry->fts_statp->st_nlink > 0;
    printf("%ld\n", seen);
    return fts_close(tree) != 0;
}
